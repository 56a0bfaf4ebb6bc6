"""`inkling fold`: the files of a folded design from a design folder's network, and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.reference import network_files
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.designs.fold_command import FoldRequest, execute
from inkling.designs.verify_folded import recheck
from inkling.sim.designs import manifest
from inkling.train.errors import InputError


def request(folder: Path, **changes: object) -> FoldRequest:
    asked = {
        "folder": folder,
        "clocks": 1000,
        "out": None,
        "rows": None,
        "data": None,
        "effort": "trial",
        "seed": 1,
        "vectors": 300,
        "liberty": (),
        "as_json": True,
    }
    return FoldRequest(**asked | changes)  # type: ignore[arg-type]


@pytest.fixture
def design(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    one = Dense(rng.choice([0, 1, -2, 4], (2, 5)), rng.integers(-5, 9, 2))
    two = Dense(rng.choice([0, 1, -2], (3, 2)), rng.integers(-5, 6, 3))
    inputs = tuple(Input(f"x{k}", k, 2) for k in range(5))
    folder = tmp_path / "design"
    folder.mkdir()
    network_files.save(IntegerNetwork(inputs, (one, ClippedReLU(0, 3), two, ArgMax()), 3), folder)
    return folder


def test_files_are_written_verified_and_replaced(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(request(design))
    made = design / "folded"
    names = (".files.json", "component.py", "folded.json", "manifest.json", "mapped.v", "netlist.json")
    names += ("network.json", "network.npz", "top.v", "verdict.json")
    assert tuple(sorted(path.name for path in made.iterdir())) == names
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((made / "folded.json").read_text()) and told["verified"]
    assert told["clocks"] <= 1000 and told["flip_flops"] == (made / "mapped.v").read_text().count("DFFX1 ff")
    verdicts = json.loads((made / "verdict.json").read_text())
    assert [item["mismatches"] for item in verdicts] == [0] * 4 and verdicts[0]["vectors"] == 300
    # What is no folded design is left alone.
    (made / "folded.json").unlink()
    with pytest.raises(InputError, match="not a folded design"):
        execute(request(design))
    assert (made / "top.v").exists()


def test_a_bound_that_cannot_be_kept_is_told(design: Path) -> None:
    with pytest.raises(InputError, match="no schedule has at most 2 clocks"):
        execute(request(design, clocks=2))
    assert not (design / "folded").exists()


def _area(text: str) -> str:
    return re.sub(r'"area_cm2": [\d.]+', '"area_cm2": 0.001', text, count=1)


def _gate(text: str) -> str:
    data = json.loads(text)
    first, *rest = data["gates"]
    data["gates"] = [[first[0], *([first[1]] * (len(first) - 1))], *rest]
    return json.dumps(data)


# A file, a change of its text, and the checks that see it although the manifest was written again.
CHANGES = {
    "a word of component.py": ("component.py", lambda text: text.replace("0", "1", 1), {"emission"}),
    "a wire of top.v": (
        "top.v",
        lambda text: re.sub(r"assign (\w+) = ~", r"assign \1 = ", text, count=1),
        {"emission"},
    ),
    "mapped.v altered": ("mapped.v", lambda text: text.replace("NAND2X1 g", "AND2X1 g", 1), {"emission"}),
    "a gate of netlist.json": ("netlist.json", _gate, {"proof", "emission"}),
    "another area": ("folded.json", _area, {"cost"}),
    "other clocks": ("folded.json", lambda text: re.sub(r'"clocks": \d+', '"clocks": 3', text, count=1), {"input"}),
    "other lanes": ("folded.json", lambda text: re.sub(r'"lanes": \d+', '"lanes": 77777', text, count=1), {"input"}),
    "another column": ("network.json", lambda text: text.replace('"column": 0', '"column": 7', 1), set()),
}


def test_a_folded_design_is_verified_again_and_changes_are_caught(design: Path) -> None:
    assert execute(request(design))
    made = design / "folded"
    assert not [item for item in recheck(made, vectors=200, proof_s=60) if not item.passed]
    kept = {path.name: path.read_bytes() for path in made.iterdir()}
    for name, (file, change, routes) in CHANGES.items():
        text = kept[file].decode()
        changed = change(text)
        assert changed != text, name
        (made / file).write_text(changed)
        assert manifest.verdict(made).failed, name
        manifest.write(made)
        if routes:
            try:
                found = {item.route for item in recheck(made, vectors=20, proof_s=60) if item.failed}
            except InputError:
                found = {"input"}
            assert found & routes, (name, found)
        for part, content in kept.items():
            (made / part).write_bytes(content)
    (made / "folded.json").write_text(json.dumps(dict(reversed(json.loads(kept["folded.json"]).items()))))
    (made / "top.v").write_bytes(kept["top.v"].replace(b"\n", b"\r\n"))
    assert not [item for item in recheck(made, vectors=200, proof_s=60) if item.failed]
