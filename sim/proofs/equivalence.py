"""Proof that two Verilog texts compute the same function: yosys turns both into logic, ABC's SAT sweeping decides.

Only combinational modules called `top` are compared; vectors are the business of the other routes.
"""

import hashlib
import re
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inkling.approx.programs import yosys
from inkling.approx.programs.process import ToolError
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.files import checked_json

CONVERSION_LIMIT_S = 120.0
MOST_BYTES = 2**30  # of the ports and wires of a text

CONVERSION = ("opt_clean", "opt", "techmap", "opt", "aigmap", "opt_clean")

READ = ("hierarchy -check -top top", "proc", "flatten")
SIDES = ("left", "right")


def prove(
    left: str,
    right: str,
    *,
    time_limit_s: float = 60.0,
    subject: str = "mapped.v",
    reference: str = "top.v",
) -> Verdict:
    """Compare module `top` of `left`, the reference, with that of `right`, the subject, for every input there is.

    Ports are matched by name. The verdict is proven, or holds a counter-example that was evaluated again on both
    texts, or says that nothing was proven within `time_limit_s` of ABC's time (mismatches 0, proven False).
    Raises ToolError where a text is no combinational Verilog, has a net without a driver, or the ports differ.
    """
    with tempfile.TemporaryDirectory(prefix="inkling-") as scratch:
        folder = Path(scratch)
        ports = _convert(left, right, folder)
        start = time.monotonic()
        answer, command = _decide(folder, time_limit_s)
        seconds = time.monotonic() - start
        example = None
        if isinstance(answer, dict):
            inputs = {name: width for name, width, is_input, _ in ports if is_input}
            outputs = {name: (width, signed) for name, width, is_input, signed in ports if not is_input}
            example = _confirm(folder, _numbers(answer, inputs), outputs)
            if example is None:
                # `cec` names the bits that the first text reads for an output; the second may read more.
                answer = _pattern(folder, max(time_limit_s - seconds, 5.0))
                example = _confirm(folder, _numbers(answer, inputs), outputs)
            if example is None:
                raise ToolError(f"ABC's counter-example {answer} gives the same outputs when it is evaluated again")
    detail = {True: "proven equivalent", False: f"not proven in {time_limit_s:g} s"}
    return Verdict(
        route="proof",
        subject=subject,
        reference=reference,
        vectors=0,
        mismatches=int(example is not None),
        seconds=seconds,
        counter_example=example,
        proven=answer is True,
        detail="refuted: the counter-example gives different outputs" if example else detail[answer is True],
        certificate=_certificate(left, right, reference, subject, command) if answer is True else None,
    )


def _certificate(left: str, right: str, reference: str, subject: str, command: str) -> dict[str, Any]:
    """What repeats a proof of these two texts."""
    return {
        "tool": "yosys and ABC, of the pyosys wheel",
        "version": version("pyosys"),
        "conversion": ["read_verilog", *READ, "check -assert", *CONVERSION],
        "command": command,
        "answer": "Networks are equivalent",
        "sha256": {
            name: hashlib.sha256(text.encode()).hexdigest() for name, text in ((reference, left), (subject, right))
        },
    }


def _convert(left: str, right: str, folder: Path) -> list[tuple[str, int, bool, bool]]:
    """Write left.blif and right.blif; return (name, width, is input, is signed) of every port."""
    (folder / "left.v").write_text(left)
    (folder / "right.v").write_text(right)
    passes: list[str] = []
    for side in SIDES:
        # `check` comes before `opt`: a net without a driver must be an error, not a don't-care.
        passes += ["design -reset", f"read_verilog {side}.v", *READ, "check -assert"]
        passes += ["design -push-copy", "delete t:*", f"write_json {side}.json", "design -pop"]
        passes += [*CONVERSION, f"write_blif {side}.blif"]
    yosys.run_in(folder, passes, time_limit_s=CONVERSION_LIMIT_S)
    first, second = (_ports(folder / f"{side}.json") for side in SIDES)
    # Whether a port is declared signed changes no bit of it.
    if [port[:3] for port in first] != [port[:3] for port in second]:
        other = [port for port in first if port not in second] + [port for port in second if port not in first]
        raise ToolError(f"the two texts differ in port {other[0][0]!r}, so they cannot be compared")
    for side in SIDES:
        text = (folder / f"{side}.blif").read_text()
        if re.search(r"^\.(latch|subckt|gate)", text, re.MULTILINE):
            raise ToolError(f"the {side} text holds state or an unknown cell: only combinational logic is compared")
    return first


def _ports(path: Path) -> list[tuple[str, int, bool, bool]]:
    """(name, width, is input, is signed) of the ports of `top`, in order of their names."""
    module = checked_json.load(path, "yosys wrote it", MOST_BYTES).inner("modules").inner("top").data
    return sorted(
        (name, len(port["bits"]), port["direction"] == "input", bool(port.get("signed")))
        for name, port in module["ports"].items()
    )


def _decide(folder: Path, time_limit_s: float) -> tuple[bool | dict[str, int], str]:
    """True: equivalent; False: undecided; else values of input bits that tell the two sides apart. And ABC's command.

    `cec` (FRAIGs and SAT) decides mapped logic in seconds; the newer `&cec -y` sometimes succeeds where it does not.
    Neither keeps its own time limit, so both run under ours.
    """
    deadline = time.monotonic() + time_limit_s
    aiger = " ".join(f"read_blif {side}.blif; strash; write_aiger {side}.aig;" for side in SIDES)
    attempts = (
        (0.6, "cec -C 1000000 -T {limit} left.blif right.blif"),
        (1.0, aiger + " &r left.aig; &cec -y -C 1000000 -T {limit} right.aig"),
    )
    for share, command in attempts:
        limit = share * (deadline - time.monotonic())
        if limit <= 0:
            break
        try:
            script = command.format(limit=max(int(limit), 1))
            text = yosys.abc(script, time_limit_s=limit, folder=folder)
        except ToolError as error:
            if error.timed_out:
                continue
            raise
        if re.search(r"^Networks are equivalent", text, re.MULTILINE):
            return True, command.format(limit=f"{share * time_limit_s:g}")
        bits = re.search(r"^Input pattern:(.*)$", text, re.MULTILINE)
        if bits:
            return {name: int(value) for name, value in re.findall(r"(\S+)=([01])(?=\s|$)", bits[1])}, script
        if "NOT EQUIVALENT" in text:
            return _pattern(folder, max(deadline - time.monotonic(), 5.0)), script
    return False, ""


def _pattern(folder: Path, time_limit_s: float) -> dict[str, int]:
    """The differing inputs of a pair that is known to differ, from a miter of the two."""
    script = "miter left.blif right.blif; iprove; write_cex -n cex.txt"
    yosys.abc(script, time_limit_s=time_limit_s, folder=folder)
    text = (folder / "cex.txt").read_text()
    return {name: int(value) for name, value in re.findall(r"^(\S+)@0=([01])$", text, re.MULTILINE)}


def _numbers(bits: dict[str, int], widths: dict[str, int]) -> dict[str, int]:
    """Values by port name of values by bit name; a bit that ABC does not mention makes no difference."""
    return {
        name: sum(bits.get(f"{name}[{k}]", bits.get(name, 0) if width == 1 else 0) << k for k in range(width))
        for name, width in widths.items()
    }


def _confirm(folder: Path, values: dict[str, int], outputs: dict[str, tuple[int, bool]]) -> dict[str, int] | None:
    """Evaluate both texts again with yosys, which shares nothing with ABC; the counter-example, if it is one."""
    settings = "".join(f"-set {name} {value} " for name, value in values.items())
    evaluate = f"eval {settings}" + " ".join(f"-show {name}" for name in outputs)
    passes: list[str] = []
    for side in SIDES:
        passes += ["design -reset", f"read_verilog {side}.v", *READ, "opt_clean", f"log side {side}", evaluate]
    text = yosys.run_in(folder, passes, time_limit_s=CONVERSION_LIMIT_S)
    _, left, right = re.split(r"^side (?:left|right)$", text, flags=re.MULTILINE)
    for name, (width, signed) in outputs.items():
        expected, found = (_result(side, name, width, signed) for side in (left, right))
        if expected != found:
            return {**values, f"expected {name}": expected, f"found {name}": found}
    return None


def _result(text: str, name: str, width: int, signed: bool) -> int:
    match = re.search(rf"^Eval result: \\?{re.escape(name)} = (\d+)'([01]+)\.$", text, re.MULTILINE)
    if match is None:
        raise ToolError(f"yosys could not evaluate output {name!r}")
    value = int(match[2], 2)
    return value - (1 << width) if signed and value >> (width - 1) else value
