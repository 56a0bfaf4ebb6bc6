"""Running component.py on its own: in Amaranth's simulator on a sample, and as RTLIL for the routes that read logic.

The text is executed, in a child process; whether it may be is the caller's decision (`inkling.sim.designs.recheck`).
"""

import functools
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError, python
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import Ints
from inkling.hdl.names import port_names
from inkling.sim.verdicts.comparison import compare, failed, plain
from inkling.sim.verdicts.ports import outputs
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict

_LOAD = """
import importlib.util, json, sys, time
import numpy as np
folder, names, answers = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
spec = importlib.util.spec_from_file_location("component_under_test", folder + "/component.py")
component = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = component
spec.loader.exec_module(component)
top = component.Top()
"""
_SIMULATE = """
from amaranth.sim import Simulator
values = np.fromfile(folder + "/vectors.bin", np.uint8).reshape(-1, len(names)).tolist()
found = []
end = time.monotonic() + float(sys.argv[4])
async def bench(context):
    for row in values:
        if found and time.monotonic() > end:
            break
        for name, value in zip(names, row):
            context.set(getattr(top, name), value)
        await context.delay(1e-6)
        found.append([int(context.get(getattr(top, name))) for name in answers])
simulator = Simulator(top)
simulator.add_testbench(bench)
if len(sys.argv) > 5:
    with simulator.write_vcd(sys.argv[5]):
        simulator.run()
else:
    simulator.run()
np.array(found, np.int64).tofile(folder + "/found.bin")
"""
_CONVERT = """
from amaranth.back import rtlil
with open(folder + "/component.il", "w") as file:
    file.write(rtlil.convert(top, name="top", emit_src=False))
"""


def simulate(
    network: IntegerNetwork,
    source: str,
    values: NDArray[np.uint8],
    *,
    time_limit_s: float = 120.0,
    simulation_s: float = 30.0,
    waveform: Path | None = None,
) -> Ints:
    """What Amaranth's simulator gives, int64 [some rows, outputs], for values, uint8 [rows, inputs].

    As many rows as fit in `simulation_s`, at least one. waveform: a VCD file to write. Raises ToolError where the
    component does not run.
    """
    with tempfile.TemporaryDirectory(prefix="inkling-") as name:
        folder = Path(name)
        np.ascontiguousarray(values).tofile(folder / "vectors.bin")
        extra: list[str | Path] = [str(simulation_s), *([waveform.resolve()] if waveform else [])]
        _child(network, source, folder, _LOAD + _SIMULATE, *extra, time_limit_s=time_limit_s)
        return np.fromfile(folder / "found.bin", np.int64).reshape(-1, len(outputs(network)))


@functools.lru_cache(maxsize=8)
def to_rtlil(network: IntegerNetwork, source: str, *, time_limit_s: float = 120.0) -> str:
    """RTLIL of the component's module `top`, kept for a moment. Raises ToolError where it cannot be converted."""
    with tempfile.TemporaryDirectory(prefix="inkling-") as name:
        folder = Path(name)
        _child(network, source, folder, _LOAD + _CONVERT, time_limit_s=time_limit_s)
        return (folder / "component.il").read_text("utf-8")


def verify_component(
    network: IntegerNetwork,
    source: str,
    values: NDArray[np.uint8],
    *,
    expected: Ints | None = None,
    time_limit_s: float = 120.0,
    simulation_s: float = 30.0,
) -> Verdict:
    """Compare component.py in Amaranth's simulator with the reference on values, uint8 [n, inputs], n > 0.

    The simulator is slow, so only as many of the first values are tried as fit in `simulation_s`.
    """
    if expected is None:
        expected = reference(network, values)
    begin = time.monotonic()
    try:
        found = simulate(network, source, values, time_limit_s=time_limit_s, simulation_s=simulation_s)
    except (ToolError, OSError, ValueError) as error:
        return failed("amaranth", "component.py", values, f"it does not run: {plain(error, Path('/'))[-300:]}")
    if network.is_classifier:
        found = found[:, 0]
    return compare(
        network,
        values[: len(found)],
        expected[: len(found)],
        found,
        route="amaranth",
        subject="component.py",
        seconds=time.monotonic() - begin,
    )


def _child(
    network: IntegerNetwork, source: str, folder: Path, script: str, *extra: str | Path, time_limit_s: float
) -> None:
    import json

    (folder / "component.py").write_text(source, encoding="utf-8")
    names = json.dumps(port_names([item.name for item in network.inputs]))
    answers = json.dumps([item.name for item in outputs(network)])
    python(script, folder, names, answers, *extra, time_limit_s=time_limit_s, cwd=folder)
