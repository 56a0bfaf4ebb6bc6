"""Hostile values of the command line's options: every command, run in process up to where its long work begins.

The stages that train, search or start tools are replaced by an ending; what is checked before them is what is tested.
"""

import contextlib
import io
import random
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

NAME = "options"
VALUES = (
    *("", " ", "0", "1", "-1", "2", "-0", "4", "8", "9", "16", "nan", "inf", "-inf", "1e308", "1e999"),
    *("0.5", "-1e-300"),
    *("4294967295", "4294967296", "18446744073709551616", "9" * 400, "9" * 5000, "1_0", "0x10", "1e3"),
    *("\u0663", "true"),
    *("quick", "span", "fitted", "sdf", "gates", "lut6", "town", "iris", "iris.csv", "label", "model.onnx", "run"),
    *("a" * 300, "a" * 5000, "\U0001f600", "\u202e", "\n", "a\nb", "\x1b[31m", "[bold]", "%s", "$(id)"),
    *("--", "-", "."),
    *("..", "/", "/dev/null", "/dev/zero", "/proc/self/mem", "/proc/x/y", "~", "x/y/z", "iris.csv/x"),
    *("\udcff", "link"),
    *("tcp://", "tcp://127.0.0.1:1", "postgresql://", "postgresql://127.0.0.1:1/x", "127.0.0.1:8787", "cells.lib"),
    *("camera", "junk.json", "junk.toml", "junk.lib", "junk.png", "junk.obj", "junk.npy", "junk.onnx", "empty"),
)


class Begun(BaseException):
    """Where the long work would begin: the options were taken."""


def _begin(*_: object, **__: object) -> NoReturn:
    raise Begun


@cache
def _commands() -> dict[str, Any]:
    """Every command, with its long stages replaced."""
    import typer

    import inkling.campaigns.explore
    import inkling.cli.doctor
    import inkling.cli.main
    import inkling.designs.fold_command
    import inkling.designs.fpga
    import inkling.designs.verify
    import inkling.fields.learn
    import inkling.runs.import_model
    import inkling.runs.run
    import inkling.runs.steps
    from inkling.cli.app import app

    inkling.runs.run._run = _begin
    inkling.runs.import_model.build = inkling.runs.steps.build = _begin
    inkling.runs.import_model.convert = _begin
    inkling.campaigns.explore.explore = _begin
    inkling.cli.doctor.examine = _begin
    inkling.designs.fold_command._fold = inkling.designs.fpga.measure = _begin
    inkling.designs.verify.recheck = inkling.designs.verify.verify_field = _begin
    inkling.runs.steps._searched = _begin
    for kind in ("Picture", "Sight", "Shape", "Series"):
        getattr(inkling.fields.learn, kind).learn = _begin
    import inkling.train.networks.training

    inkling.train.networks.training.train = _begin
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def words(number: int, seed: int) -> list[str]:
    """A command line: a command, some of its options, values that are mostly wrong."""
    rng = random.Random(f"options {number} {seed}")
    name = rng.choice(sorted(_commands()))
    found = [name]
    for parameter in _commands()[name].params:
        if parameter.param_type_name == "argument":
            usual = {"run": "iris.csv", "train": "iris.csv", "field": "camera", "explore": "some.toml"}.get(
                name, "run"
            )
            found += [rng.choice(VALUES) if rng.random() < 0.4 else usual]
        elif parameter.name == "wait_s":
            continue
        elif parameter.is_flag:
            found += [parameter.opts[0]] * (rng.random() < 0.2)
        elif rng.random() < (0.5 if parameter.required else 0.25):
            found += [parameter.opts[0], rng.choice(VALUES)]
    if rng.random() < 0.1:
        found.insert(rng.randrange(len(found) + 1), rng.choice(("--nothing", "-x", "--help=1", "--seed", "\udcfe")))
    # A command line holds no NUL, and what the shell gives is decoded so that it can be encoded again.
    return found


def attempt(number: int, seed: int, folder: Path) -> tuple[str, str]:
    """The outcome, as `watch.judge` tells it."""
    import os

    from inkling.cli.main import main

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "iris.csv").write_text("a,b,label\n" + "\n".join(f"{i},{i * 7 % 5},{i % 2}" for i in range(40)))
    (folder / "some.toml").write_text('datasets = ["iris"]\nmethods = ["gates"]\n')
    for junk in ("json", "toml", "lib", "png", "obj", "npy", "onnx"):
        (folder / f"junk.{junk}").write_bytes(random.Random(junk).randbytes(200))
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("link")
    command = words(number, seed)
    before, path, home = sys.argv, sys.path[:], Path.cwd()
    errors = io.StringIO()
    os.chdir(folder)
    try:
        sys.argv = ["inkling", *command]
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            main()
        code: object = 0
    except Begun:
        return "result", "begun"
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        import traceback

        where = [f for f in traceback.extract_tb(error.__traceback__) if "/tests/" not in f.filename]
        ours = [f for f in where if "/.venv/" not in f.filename and "/lib/python" not in f.filename] or where
        place = f"{'/'.join(Path(ours[-1].filename).parts[-2:])}:{ours[-1].lineno}"
        return f"traceback {type(error).__name__}", f"{place}: {str(error)[:150]}: {command!r:.200}"
    finally:
        sys.argv, sys.path[:] = before, path
        os.chdir(home)
    said = [line for line in errors.getvalue().splitlines() if line.strip()]
    if code in (None, 0):
        return "result", ""
    if code == 2:
        if len(said) == 1 and len(said[0]) < 2100:
            return "refused", said[0][:160]
        return "no single line", f"{len(said)} lines: {said[:3]!r:.300}: {command!r:.200}"
    if code == 1 and said:  # what was asked for fails, in one line
        return "refused", said[-1][:160]
    return f"exit status {code}", f"{said[:2]!r:.200}: {command!r:.200}"
