"""`import inkling`: what is public is what `__all__` says, is documented, and costs nothing until it is asked for."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

import inkling
from inkling import door
from inkling.approx.programs.process import ToolError

CALLS = ("run", "field", "load")
PUBLIC = {"BespokeClassifier", "Design", "Field", "InputError", "Run", "__version__", *CALLS}


def test_all_is_what_is_public() -> None:
    assert set(inkling.__all__) == PUBLIC and list(inkling.__all__) == sorted(inkling.__all__)
    for name in inkling.__all__:
        assert name in dir(inkling) and getattr(inkling, name) is not None
    with pytest.raises(AttributeError, match="public are"):
        _ = inkling.nothing_of_the_kind


@pytest.mark.parametrize("name", CALLS)
def test_calls_say_what_they_take_give_and_raise(name: str) -> None:
    call = getattr(inkling, name)
    text = inspect.getdoc(call) or ""
    for section in ("Parameters", "Returns", "Raises"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text, f"{name} has no section {section}"
    for parameter in inspect.signature(call).parameters.values():
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        assert f"\n{stars}{parameter.name}" in text, f"{name}: {parameter.name} is not described"


@pytest.mark.parametrize("kind", ["Design", "Field", "Run", "BespokeClassifier"])
def test_methods_are_documented(kind: str) -> None:
    for name, member in vars(getattr(inkling, kind)).items():
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            assert inspect.getdoc(member), f"{kind}.{name} has no docstring"


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import inkling, sys; print([n for n in ('numpy', 'torch', 'amaranth', 'rich') if n in sys.modules])"
    assert _python(code).strip() == "[]"


def test_options_become_words() -> None:
    options = {"one_hot": True, "target": None, "technology": ["a b.lib", "c.lib"], "drop_missing": False, "bits": 3}
    assert door._written(options) == ["--one-hot", "--technology=a b.lib", "--technology=c.lib", "--bits=3"]


def test_wrong_input_is_an_error_of_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(inkling.InputError, match=r"nowhere\.csv") as caught:
        inkling.run("nowhere.csv")
    assert "\n" not in str(caught.value)
    with pytest.raises(inkling.InputError, match="--colour"):
        inkling.run("iris", colour="red")
    with pytest.raises(inkling.InputError, match="is no table"):
        inkling.run(3)
    with pytest.raises(inkling.InputError, match="no folder of a run"):
        inkling.load(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_failing_tool_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(door, "_PROGRAM", "import sys; print('inkling: cc is missing', file=sys.stderr); sys.exit(1)")
    with pytest.raises(ToolError, match=r"^cc is missing$"):
        inkling.run("iris", out=tmp_path / "out")


def test_a_frame_is_written_as_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    monkeypatch.setattr(door, "_command", lambda words, *_: seen.append(Path(words[1]).read_text()))
    frame = load_iris(as_frame=True).frame
    assert inkling.run(frame, out=tmp_path / "frame").folder == tmp_path / "frame"
    assert seen[0].splitlines()[0] == ",".join(frame.columns) and len(seen[0].splitlines()) == 151


def _python(code: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-P", "-c", code], env=kept, capture_output=True, text=True, check=True
    ).stdout
