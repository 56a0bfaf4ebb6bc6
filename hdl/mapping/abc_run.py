"""One run of ABC: a `Netlist` in some order and a script go in, a mapped `Netlist` comes out and is compared.

Which scripts are worth running is in `inkling.hdl.mapping.recipes`; choosing among results is in
`inkling.hdl.mapping.search`.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inkling.approx.netlists import blif
from inkling.approx.programs import yosys
from inkling.approx.programs.process import ToolError
from inkling.approx.reference.netlist import CellType, Netlist
from inkling.hdl.mapping.composites import expand
from inkling.hdl.mapping.recipes import Recipe

SAMPLES = 64 * 64


def map_once(
    netlist: Netlist,
    recipe: Recipe,
    cells: Sequence[CellType],
    genlib: str,
    composites: str = "",
    *,
    seed: int,
    time_limit_s: float,
) -> list[Netlist]:
    """Restructure once and map with each of the recipe's mappers; one netlist for each, in order.

    genlib: the cells; composites: genlib text of what `inkling.hdl.mapping.composites` takes apart, for mappers that
    ask for it.

    Raises inkling.approx.programs.process.ToolError where ABC fails, is late, or changes the function.

    """
    rng = np.random.default_rng((seed, recipe.permutation))
    if recipe.permutation == 0:
        text = blif.write(netlist)
    else:
        text = blif.write(
            netlist,
            input_order=rng.permutation(netlist.first_gate - 2).tolist(),
            output_order=rng.permutation(len(netlist.output_nodes)).tolist(),
            swapped=rng.random(len(netlist.kinds)) < 0.5,
        )
    # A script file, because ABC cuts long command lines.
    lines = ["read_genlib cells.genlib", "read_blif in.blif", "strash", *recipe.script.split("; "), "backup"]
    for number, mapper in enumerate(recipe.mappers):
        lines += ["read_genlib cells.genlib", "restore", *mapper.split("; "), f"write_blif out{number}.blif"]
    with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
        place = Path(folder)
        (place / "cells.genlib").write_text(genlib, encoding="ascii")
        (place / "composites.genlib").write_text(genlib + composites, encoding="ascii")
        (place / "in.blif").write_text(text, encoding="ascii")
        (place / "script").write_text("\n".join([*lines, ""]), encoding="ascii")
        yosys.abc("source script", time_limit_s=time_limit_s, folder=place)
        results = []
        for number, mapper in enumerate(recipe.mappers):
            found = place / f"out{number}.blif"
            if not found.exists():
                raise ToolError(f"yosys-abc wrote no netlist for {recipe.script!r} and {mapper!r}")
            results.append(expand(found.read_text(encoding="ascii"), cells))
    mapped = [blif.read(result, cells, netlist.inputs, netlist.outputs, "what yosys-abc wrote") for result in results]
    for one, mapper in zip(mapped, recipe.mappers, strict=True):
        if not agree(netlist, one, seed):
            raise ToolError(f"yosys-abc changed the function with {recipe.script!r} and {mapper!r}")
    return mapped


def agree(first: Netlist, second: Netlist, seed: int) -> bool:
    """Whether the outputs are the same for some thousand random inputs: a sieve, not a proof."""
    from inkling.approx.netlists.evaluate import evaluate

    rng = np.random.default_rng(seed)
    packed = rng.integers(0, 2**64, (first.first_gate - 2, SAMPLES // 64), np.uint64)
    return bool((evaluate(first, packed) == evaluate(second, packed)).all())
