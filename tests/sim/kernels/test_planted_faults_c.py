"""Single faults in emitted kernel.c: each is caught by the vectors, or shown by every input there is to be none."""

import ctypes
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.approx.programs.process import run
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.hdl.kernels.c_kernel import emit
from inkling.sim.kernels.children import verify_c
from inkling.sim.verdicts.vectors import stimuli

FAULTS = 90
BITS = 16  # of all inputs together, so that every input can be tried


@dataclass(frozen=True)
class Fault:
    """One change of a text, and in which function it is."""

    kind: str
    function: str
    text: str
    change: str


def make(seed: int, sizes: tuple[int, int, int]) -> IntegerNetwork:
    """A network with inputs of different widths, 16 bits together, weights that are no powers of two, and ties."""
    generator = np.random.default_rng(seed)
    widths = {4: (4, 4, 5, 3), 5: (2, 3, 4, 3, 4), 3: (6, 5, 5)}[sizes[0]]
    assert sum(widths) == BITS
    return IntegerNetwork(
        tuple(Input(f"f{k}", k, width) for k, width in enumerate(widths)),
        (
            Dense(generator.integers(-9, 10, (sizes[1], sizes[0])), generator.integers(-20, 21, sizes[1])),
            ClippedReLU(2, 4),
            Dense(generator.integers(-7, 8, (sizes[2], sizes[1])), generator.integers(-9, 10, sizes[2])),
            ArgMax(),
        ),
        sizes[2],
    )


KINDS = {"weight", "sign", "bias", "index", "shift", "clip", "comparator", "label"}
NETWORKS = {"4-3-4": make(1, (4, 3, 4)), "5-2-3": make(7, (5, 2, 3)), "3-4-3": make(5, (3, 4, 3))}


def places(text: str) -> Iterator[tuple[str, int, int, list[str]]]:
    """(kind, start, end, replacements) of everything that is changed: numbers, signs, indices, comparators."""
    for match in re.finditer(r"\(int\d+_t\)\((?!t\b)([^;]*)\);", text):
        first, body = match.start(1), match[1]
        for part in re.finditer(r"(?<![\w\[])(\d+)\*", body):
            value = int(part[1])
            yield "weight", first + part.start(1), first + part.end(1), [str(value + 1), str(value - 1)]
        for part in re.finditer(r"(?<= )[-+](?= )", body):
            yield "sign", first + part.start(), first + part.end(), ["+" if part[0] == "-" else "-"]
        for part in re.finditer(r"^-?\d+(?= )", body):
            value = int(part[0])
            yield "bias", first, first + part.end(), [str(value + 1), str(value - 1), str(-value - 1)]
        for part in re.finditer(r"v(\d)\[(\d+)( \+ l)?\]", body):
            suffix = re.escape(part[3] or "") + r"\]"
            known = {int(other) for other in re.findall(rf"v{part[1]}\[(\d+){suffix}", text)}
            choices = [str(other) for other in sorted(known - {int(part[2])})]
            yield "index", first + part.start(2), first + part.end(2), choices
    for match in re.finditer(r">>\s+(\d+)", text):
        yield "shift", match.start(1), match.end(1), [str(int(match[1]) + 1), str(int(match[1]) - 1)]
    for match in re.finditer(r"t > (\d+) \?\s+(\d+)", text):
        for group in (1, 2):
            value = int(match[group])
            found = [str(value + 1), str(value - 1)] if value else ["1", "-1"]
            yield "clip", match.start(group), match.end(group), found
    for match in re.finditer(r"\] (>) best\s", text):
        yield "comparator", match.start(1), match.end(1), [">=", "<"]
    for match in re.finditer(r"\? (\d) : label", text):
        yield "label", match.start(1), match.end(1), [str(int(match[1]) - 1)]


def faults(text: str, count: int, seed: int) -> list[Fault]:
    """`count` different single changes, all kinds about equally often, in the entries for one row and for a batch."""
    generator = random.Random(seed)
    batch = text.index("static void block")
    by_kind: dict[str, list[tuple[int, int, str]]] = {}
    for kind, start, end, choices in places(text):
        by_kind.setdefault(kind, []).extend(
            (start, end, choice) for choice in dict.fromkeys(choices) if text[start:end] != choice
        )
    for items in by_kind.values():
        generator.shuffle(items)
    found: list[Fault] = []
    while len(found) < count:
        for kind in sorted(by_kind):
            if by_kind[kind] and len(found) < count:
                start, end, new = by_kind[kind].pop()
                line = text.count("\n", 0, start) + 1
                found.append(
                    Fault(
                        kind,
                        "batch" if start > batch else "single",
                        text[:start] + new + text[end:],
                        f"line {line}: {kind} {text[start:end]!r} became {new!r}",
                    )
                )
        assert any(by_kind.values()), f"only {len(found)} different changes were found"
    return found


def library(texts: list[str], inputs: int, folder: Path) -> ctypes.CDLL:
    """All texts in one shared library, compiled at once: those of text k are `batch_k`, `single_k` and `each_k`."""
    (folder / "kernel.h").write_text("")
    parts = []
    for k, text in enumerate(texts):
        parts += [f"#define inkling_classify_batch batch_{k}", f"#define inkling_classify single_{k}"]
        parts += [f"#define block block_{k}", text, "#undef block", "#undef LANES", "#undef ALIGNED"]
        parts.append(
            f"void each_{k}(const uint8_t *x, size_t rows, uint8_t *y) "
            f"{{ for (size_t i = 0; i < rows; i++) y[i] = (uint8_t)single_{k}(x + i * {inputs}); }}"
        )
        parts += ["#undef inkling_classify_batch", "#undef inkling_classify"]
    (folder / "all.c").write_text("\n".join(parts))
    # -fwrapv: a fault may make a sum overflow, and must then still be a function.
    options = ["-std=c99", "-O1", "-w", "-fwrapv", "-shared", "-fPIC"]
    run(["cc", *options, folder / "all.c", "-o", folder / "all.so"], time_limit_s=100)
    return ctypes.CDLL(str(folder / "all.so"))


def differs(code: ctypes.CDLL, k: int, function: str, values: NDArray[np.uint8], expected: NDArray[np.int64]) -> bool:
    """Whether text k gives another label than `expected` for any of the values, by the entry with the change."""
    values = np.ascontiguousarray(values)
    found = np.full(len(values), 255, np.uint8)
    entry = getattr(code, f"batch_{k}" if function == "batch" else f"each_{k}")
    entry.argtypes, entry.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p), None
    entry(values.ctypes.data, len(values), found.ctypes.data)
    return bool((found != expected).any())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_fault_is_caught_or_is_none(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]
    text = emit(network)[0]
    planted = faults(text, FAULTS, seed=11)
    assert len({fault.text for fault in planted} - {text}) == FAULTS
    assert {fault.kind for fault in planted} == KINDS
    assert {fault.function for fault in planted} == {"single", "batch"}
    # What the routes take for such a network holds every input there is: a fault that it does not show is none.
    values = stimuli(network, None).values
    assert len(np.unique(values, axis=0)) == 2**BITS
    expected = network.evaluate(values)
    code = library([*(fault.text for fault in planted), text], len(network.inputs), tmp_path)
    assert not any(differs(code, FAULTS, function, values, expected) for function in ("single", "batch"))
    caught = [differs(code, k, fault.function, values, expected) for k, fault in enumerate(planted)]
    assert sum(caught) > FAULTS // 2
    # The route itself, on one fault of every kind; a fault in one entry is seen though the other is right.
    order = sorted(range(FAULTS), key=lambda k: (planted[k].kind, not caught[k], planted[k].function == "batch"))
    for kind in sorted(KINDS)[:: 1 if name == "4-3-4" else 4]:
        k = next(k for k in order if planted[k].kind == kind)
        verdict = verify_c(network, planted[k].text, emit(network)[1], values, expected=expected)
        assert verdict.passed is not caught[k], planted[k].change
