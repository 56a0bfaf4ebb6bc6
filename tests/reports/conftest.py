"""Made-up reports for the tests of this folder: no figure in here was measured."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from inkling.reports.results.circuit import Circuit, Faults, Schematic, Share, UsedInput
from inkling.reports.results.node import Node, Part
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report
from inkling.sim.faults.variation import Robustness

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e\x07</script>&amp;[red]http://x.example/"


def point(name: str, accuracy: float, area: float, **changes: Any) -> Point:
    """A point with every other figure derived from accuracy and area."""
    fields: dict[str, Any] = {
        "name": name,
        "method": "approximated network",
        "levels": (1, 2, 3),
        "accuracy": {"train": min(accuracy + 0.01, 1.0), "validation": accuracy, "test": accuracy},
        "balanced_accuracy": accuracy,
        "area_cm2": area,
        "area_spread_cm2": area / 16,
        "static_power_mw": {"1.0": 4 * area, "0.6": area},
        "delay_ms": {"1.0": 10.0, "0.6": 40.0},
        "gates": int(900 * area),
        "inputs_used": 5,
        "input_bits_used": 18,
        "verified": True,
    }
    return Point(**{**fields, **changes})


def tree(leaves: int, accuracy: float, area: float) -> Point:
    return point(f"tree-{leaves}", accuracy, area, method=f"decision tree, {leaves} leaves", levels=())


def verdict(route: str, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "route": route,
        "subject": "top.v",
        "reference": "IntegerNetwork.evaluate",
        "vectors": 1000,
        "mismatches": 0,
        "counter_example": None,
        "proven": False,
        "detail": "",
    }
    return {**fields, **changes}


def circuit(**changes: Any) -> Circuit:
    """Two classes, two columns, three gates."""
    fields: dict[str, Any] = {
        "confusion": ((120, 5), (30, 95)),
        "inputs": (
            UsedInput("flow", "flow", 4, (3, 2), 0.0, 9.5),
            UsedInput("heat", "heat", 3, (0,), -1.5, 2.5),
        ),
        "cells": (Share("NAND2X1", 2, 0.3), Share("XOR2X1", 1, 0.2)),
        "parts": (Share("sums of layer 1", 40, 0.4), Share("arg-max", 10, 0.1)),
        "power_mw": {"1.0": 4.0, "0.6": 0.08},
        "faults": Faults("accuracy", 250, 12, 0.9, 0.86, 0.8, 0.5),
        "schematic": Schematic(
            ("flow[0]", "flow[1]", "flow[2]", "flow[3]", "heat[0]", "heat[1]", "heat[2]"),
            (("NAND2X1", (5, 4)), ("INVX1", (6,)), ("XOR2X1", (9, 10))),
            (11,),
        ),
    }
    return Circuit(**{**fields, **changes})


def report(**changes: Any) -> Report:
    """Three designs, three trees, a logistic regression, on a table that no paper knows."""
    fields: dict[str, Any] = {
        "dataset": "valves",
        "rows": {"train": 500, "validation": 250, "test": 250},
        "majority_rate": 0.5,
        "rivals": (
            tree(4, 0.75, 0.25),
            tree(16, 0.85, 1.0),
            tree(64, 0.91, 4.0),
            point("logistic-4b", 0.84, 8.0, method="logistic regression, 4-bit weights"),
        ),
        "points": (point("net-0", 0.80, 0.125), point("net-1", 0.86, 0.5), point("net-2", 0.90, 1.0)),
        "seed": 7,
        "command": "inkling run valves.csv --seed 7",
        "versions": {"torch": "2.13.0", "inkling": "0.1.0"},
        "fingerprint": "ab" * 32,
        "classes": ("open", "shut"),
        "bits": {"flow": 4, "heat": 3},
        "notes": ("column 'id' dropped: constant",),
        "technology": "EGFET",
        "measured": ("Area: best of 4 mapping runs.",),
        "verdicts": {
            name: (verdict("c", subject="kernel.c"), verdict("proof", vectors=0, proven=True))
            for name in ("net-0", "net-1", "net-2")
        },
        "circuits": {
            "net-0": circuit(),
            "net-1": circuit(faults=None, schematic=None),
            "tree-16": circuit(parts=(), confusion=((100, 20, 5), (0, 0, 0)), faults=None),
        },
    }
    return Report(**{**fields, **changes})


def nodes(column: str = "flow") -> Report:
    """The same report where converters are counted; net-0 and net-1 read thresholds."""
    base = report()

    def whole(item: Point) -> Point:
        power = {v: None if mw is None else mw + 0.25 for v, mw in item.static_power_mw.items()}
        return replace(
            item,
            converters_area_cm2=0.125,
            converters_power_mw=0.25,
            node_power_mw=power,
            comparators=3,
            ladders=2,
        )

    inputs = tuple(
        UsedInput(name, f"in{k}", 1, (0,), 0.0, 9.5, reference)
        for k, (name, reference) in enumerate(((column, 0.25), (column, 0.75), ("heat", 0.5)))
    )
    shaken = Robustness(2.0, 0.1, 1000, 250, 0.86, 0.84, 0.815, 0.99, 0.83, 0.81)
    parts = (Part("ladder", 2, 0.02, 0.1), Part("comparator", 3, 0.105, 0.15), Part("gate", 450, 0.5, 2.0))
    return replace(
        base,
        points=tuple(map(whole, base.points)),
        rivals=tuple(map(whole, base.rivals)),
        circuits={name: circuit(inputs=inputs, schematic=None) for name in ("net-0", "net-1")},
        nodes={p.name: Node(parts, shaken) for p in base.points},
        converters="made up: ladders of a test",
    )


def hostile() -> Report:
    """Every text that a user or a file can choose is an attack on the page."""
    base = report()
    names = [f"{HOSTILE}{i}" for i in range(3)]
    return report(
        dataset=HOSTILE,
        points=tuple(
            point(
                name, p.accuracy["test"], p.area_cm2, method=HOSTILE, converters_area_cm2=1.0, converters_power_mw=2.0
            )
            for name, p in zip(names, base.points, strict=True)
        ),
        rivals=tuple(
            point(f"{HOSTILE} {p.name}", p.accuracy["test"], p.area_cm2, method=HOSTILE) for p in base.rivals
        ),
        command=HOSTILE,
        versions={HOSTILE: HOSTILE},
        fingerprint=HOSTILE,
        classes=(HOSTILE, "shut"),
        bits={HOSTILE: 4, "heat": 3},
        notes=(HOSTILE,),
        technology=HOSTILE,
        measured=(HOSTILE,),
        verdicts={
            name: (
                verdict(HOSTILE, subject=HOSTILE, reference=HOSTILE, detail=HOSTILE, mismatches=1)
                | {"counter_example": {HOSTILE: 3}},
            )
            for name in names
        },
        circuits={
            name: circuit(
                inputs=(UsedInput(HOSTILE, HOSTILE, 4, (0,), 0.0, 1.0),),
                cells=(Share(HOSTILE, 1, 0.1),),
                parts=(Share(HOSTILE, 1, 0.1), Share("b", 1, 0.1)),
                faults=Faults(HOSTILE, 1, 1, 0.5, 0.5, 0.5, 0.5),
                schematic=Schematic((HOSTILE, "b"), ((HOSTILE, (2, 3)),), (4,)),
                power_mw={"0.6": 0.1},
            )
            for name in names
        },
        converters=HOSTILE,
    )


@pytest.fixture(scope="session")
def examples() -> SimpleNamespace:
    """The functions of this file."""
    return SimpleNamespace(
        point=point,
        tree=tree,
        verdict=verdict,
        circuit=circuit,
        report=report,
        hostile=hostile,
        nodes=nodes,
        HOSTILE=HOSTILE,
    )
