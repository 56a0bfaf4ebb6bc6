"""The library in a folder of a user's modules named like ours: from the editable install and from a wheel, in a
script, under pytest and with `python -c`. The command line there is tested by the runs of `conftest.py`.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTILE = ("approx.py", "hdl.py", "sim/__init__.py", "reports.py")
STAGES = ("approx", "hdl", "reports", "sim", "train")

FIT = """
import inkling
from inkling.train.errors import InputError

assert inkling.InputError is InputError
from sklearn.datasets import load_iris

X, y = load_iris(return_X_y=True)
model = inkling.BespokeClassifier(effort="trial", family="tree", random_state=0).fit(X, y)
"""
USE = """
assert model.cost()["area_cm2"] > 0
import train

assert train.MINE
"""
IMPORT = """
def test_imports():
    import inkling
    import inkling.estimator, inkling.fields.run, inkling.sim.designs.recheck, inkling.reports.page.classifier
    import train

    assert train.MINE and inkling.__version__ and inkling.run


test_imports()
"""
EMIT = """
from dataclasses import replace
from inkling.runs.families import TRIAL

model = model.set_params(effort=replace(TRIAL, vectors=500, cocotb_vectors=20))
verdicts = model.emit("design")
assert {verdict["route"] for verdict in verdicts} >= {"c", "numba", "verilator", "cocotb", "proof"}
design = inkling.load("design")
verdicts = design.verify(vectors=200)
assert all(verdict.passed for verdict in verdicts), verdicts
places = [int(column[1:]) for column in design.columns]
assert (design.predict(X[:, places]).astype(int) == model.predict(X)).all()
"""
FIELD = """
import numpy as np

np.save("wave.npy", np.sin(np.arange(60) / 9))
field = inkling.field("wave.npy", kilobytes=1, out="wave")
assert field.report.verdicts and len(field.integers.layers)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: modules that end whoever imports them, a `train` of his own, and a plain folder `inkling`."""
    for name in HOSTILE:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit('a hostile module')\n")
    (tmp_path / "train.py").write_text("MINE = True\n")
    (tmp_path / "inkling").mkdir()
    (tmp_path / "inkling" / "notes.txt").write_text("pens\n")
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution of this tree."""
    place = tmp_path_factory.mktemp("built")
    source = place / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):  # without what lies about in the tree, and without building in it
        if name.startswith(("tests/", "docs/")) or not os.path.lexists(ROOT / name):
            continue
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name, follow_symlinks=False)
    pip = [sys.executable, "-P", "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(place)]
    _run([*pip, str(source)], place)
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(place)!r})"
    _run([sys.executable, "-P", "-c", code], source)
    return place


@pytest.fixture(scope="module")
def wheel(built: Path) -> str:
    """The python of a fresh environment with the wheel; what it needs is taken from this one's packages."""
    (archive,) = built.glob("*.whl")
    venv.create(built / "fresh", with_pip=False, symlinks=True)
    (packages,) = (built / "fresh" / "lib").glob("python3*/site-packages")
    pip = [sys.executable, "-P", "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(packages)]
    _run([*pip, str(archive)], built)
    ours = sysconfig.get_paths()["purelib"]
    # A path of packages alone: the `.pth` file of the editable install, which lies among them, is not read there.
    (packages / "layered.pth").write_text(f"{ours}\n")
    return str(built / "fresh" / "bin" / "python")


def test_distributions_hold_real_files_of_one_package(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    held = {member.name.split("/", 1)[1]: member.size for member in members if "/" in member.name}
    for name in ("train/errors.py", "approx/gates/kernel.cpp", "py.typed", "hdl/cells/egfet.json"):
        assert any(place.endswith(f"inkling/{name}") for place in held), name
    assert "LICENSE" in held


def test_wheel_is_what_is_imported(wheel: str, folder: Path) -> None:
    code = "import inkling, inkling.train, sys; print(inkling.__file__, inkling.train.__file__)"
    for place in _run([wheel, "-c", code], folder).split():
        assert "fresh" in place
    code = f"import importlib.util as u; print([n for n in {STAGES!r} if u.find_spec(n)])"
    assert _run([wheel, "-P", "-c", code], folder).strip() == "[]"


def test_a_script(folder: Path) -> None:
    (folder / "use.py").write_text(FIT + USE)
    _run([sys.executable, "use.py"], folder)


def test_a_script_with_the_wheel(wheel: str, folder: Path) -> None:
    """All of it, without `if __name__ == "__main__"`."""
    (folder / "use.py").write_text(FIT + USE + EMIT + FIELD)
    _run([wheel, "use.py"], folder)


def test_under_pytest(wheel: str, folder: Path) -> None:
    body = "".join(f"    {line}\n" for line in (FIT + USE).splitlines())
    (folder / "test_use.py").write_text(f"def test_use():\n{body}")
    (folder / "test_import.py").write_text(IMPORT)
    for python, name in ((sys.executable, "test_use.py"), (wheel, "test_import.py")):
        program = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
        assert "1 passed" in _run(program, folder)


def test_with_c(wheel: str, folder: Path) -> None:
    _run([sys.executable, "-c", FIT + USE], folder)
    _run([wheel, "-c", IMPORT], folder)


def test_a_script_beside_a_clone(tmp_path: Path) -> None:
    """The clone's folder is called `inkling`, as `git clone` makes it, and the script lies beside it."""
    (tmp_path / "inkling").symlink_to(ROOT)
    text = FIT + "import inkling.runs.design\nassert inkling.__version__ and inkling.run and model.emit\n"
    (tmp_path / "use.py").write_text(text)
    _run([sys.executable, "use.py"], tmp_path)


def _run(command: list[str], folder: Path) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
