"""The training loop: learns, resumes after kill -9 with the same weights, stops on Ctrl-C, agrees over processes."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from inkling.train.errors import InputError
from inkling.train.fields.encodings import GridEncoding, Quantisation, quantise_texels, quantise_weights
from inkling.train.fields.float_field import evaluate
from inkling.train.fields.models import FieldModel, parse
from inkling.train.fields.tasks import SignalTask, answers, to_field
from inkling.train.fields.training import Settings, train
from inkling.train.scenes.signals import Signal, picture, psnr

torch.set_num_threads(1)
JOB = Path(__file__).with_name("field_job.py")


def waves(size: int = 24) -> Signal:
    y, x = np.mgrid[:size, :size]
    return picture("waves", np.sin(x / 3) * np.cos(y / 5) / 2 + 0.5)


def job(folder: Path, *arguments: str, launcher: Sequence[str] = ()) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(JOB), str(folder), *arguments]
    # A group of its own: torchrun's workers are ended with it.
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    try:
        output, _ = process.communicate(timeout=240)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, output
    return output


def test_killed_and_started_again_gives_the_same_weights(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish(job(whole, "60", "1"))
    killed = job(broken, "60", "1", "slow")
    assert killed.stdout is not None and killed.stdout.readline().strip() == "READY"
    for _ in range(1200):
        if (broken / "checkpoint.json").exists():
            break
        with pytest.raises(subprocess.TimeoutExpired):
            killed.wait(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert (broken / "checkpoint.json").exists() and not (broken / "weights.npy").exists()
    finish(job(broken, "60", "1"))
    assert np.array_equal(np.load(whole / "weights.npy"), np.load(broken / "weights.npy"))
    assert np.array_equal(np.load(whole / "losses.npy"), np.load(broken / "losses.npy"))
    assert sum(path.suffix == ".npz" for path in broken.iterdir()) == 1


def test_an_interrupt_leaves_a_result_that_can_go_on(tmp_path: Path) -> None:
    process = job(tmp_path, "500", "1", "slow")
    assert process.stdout is not None and process.stdout.readline().strip() == "READY"
    process.send_signal(signal.SIGINT)
    output = finish(process)
    assert "STOPPED" in output
    steps = int(output.split()[-1])
    assert 0 < steps < 400 and len(np.load(tmp_path / "losses.npy")) == steps
    assert (tmp_path / f"checkpoint{steps}.npz").exists()


LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left."""
    folder = tmp_path_factory.mktemp("two")
    finish(job(folder, "25", "2", launcher=LAUNCHER))
    return folder


def test_two_processes_learn_as_one_does(tmp_path: Path, two: Path) -> None:
    finish(job(tmp_path, "25", "2"))
    one, both = np.load(tmp_path / "losses.npy"), np.load(two / "losses.npy")
    assert len(one) == 25 and one[-1] < one[0]
    assert np.allclose(one, both, rtol=2e-3)


def everyone(folder: Path) -> list[int]:
    """Processes that were given the folder, the launcher among them."""
    found = []
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if str(folder).encode() in (place / "cmdline").read_bytes().split(b"\0"):
                found.append(int(place.name))
    return found


def test_two_processes_that_are_killed_end_with_the_weights_of_two_that_are_not(tmp_path: Path, two: Path) -> None:
    broken = tmp_path / "broken"
    killed = job(broken, "25", "2", "slow", launcher=LAUNCHER)
    for _ in range(2400):
        if (broken / "checkpoint.json").exists():
            break
        with pytest.raises(subprocess.TimeoutExpired):
            killed.wait(0.05)
    for pid in everyone(broken):  # torchrun's workers have groups of their own
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    killed.communicate()
    assert (broken / "checkpoint.json").exists() and not (broken / "weights.npy").exists()
    finish(job(broken, "25", "2", launcher=LAUNCHER))
    assert np.array_equal(np.load(two / "weights.npy"), np.load(broken / "weights.npy"))


def test_wrong_settings_and_checkpoints_are_refused(tmp_path: Path) -> None:
    task = SignalTask(waves(), 64)
    with pytest.raises(InputError, match="shared"):
        train(FieldModel(parse("uv -> 4 relu -> 1")), task, Settings(steps=0))
    train(FieldModel(parse("uv -> 4 relu -> 1")), task, Settings(steps=2), tmp_path)
    with pytest.raises(InputError, match="settings"):
        train(FieldModel(parse("uv -> 4 relu -> 1")), task, Settings(steps=3), tmp_path)
    with pytest.raises(InputError, match=r"members|bytes|float32"):
        train(FieldModel(parse("uv -> 5 relu -> 1")), task, Settings(steps=2), tmp_path)
    bad = Signal("bad", "picture", np.zeros(4, np.int32), np.zeros((4, 2), np.float32), np.full((4, 1), np.inf, "f4"))
    with pytest.raises(InputError, match="not finite"):
        train(FieldModel(parse("uv -> 4 relu -> 1")), SignalTask(bad, 4), Settings(steps=2))
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="CUDA"):
            train(FieldModel(parse("uv -> 4 relu -> 1")), task, Settings(steps=2, device="cuda"))


def test_an_error_while_a_batch_is_made_is_raised() -> None:
    class Broken(SignalTask):
        def batch(self, step: int, shard: int) -> dict[str, np.ndarray]:
            if step == 2:
                raise InputError("no more")
            return super().batch(step, shard)

    with pytest.raises(InputError, match="no more"):
        train(FieldModel(parse("uv -> 4 relu -> 1")), Broken(waves(), 64), Settings(steps=5))


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_it_learns_a_picture(precision: str) -> None:
    model, signal = FieldModel(parse("grid(12x12x4, 4x4x2) -> 16 relu -> 1")), waves()
    train(model, SignalTask(signal, 576), Settings(steps=300, precision=precision))  # type: ignore[arg-type]
    assert psnr(answers(model, signal), signal.values) > 27


@pytest.mark.parametrize(
    "notation",
    [
        "grid(12x12x4, 4x3x2) + uv -> 16 8 relu -> 2",
        "fourier(16, 3) -> 16 relu -> 1",
        "uv -> 16 16 sine(20) -> 3",
        "uv -> 16 16 periodic_quadratic(20) -> 3",
        "grid(1x1x3) -> relu -> 1",
    ],
)
@pytest.mark.parametrize("quantised", [False, True])
def test_the_arrays_answer_as_the_module_does(notation: str, quantised: bool) -> None:
    spec = parse(notation)
    model = FieldModel(spec, 3, 1, Quantisation(activation_bits=16, fraction_bits=16) if quantised else None)
    signal = waves(13)
    signal = Signal(
        "x", "picture", np.arange(169, dtype=np.int32) % 3, signal.uv, np.tile(signal.values, spec.outputs)
    )
    field = to_field(model, signal)
    expected = answers(model, signal)
    found = evaluate(field, signal.entry, signal.uv)
    # What is left beside the rounding of a blend is a step of an activation.
    assert np.abs(found - expected).max() < (0.05 if quantised else 2e-4)


@pytest.mark.parametrize(
    "notation",
    [
        "uv -> 4 relu",
        "hash(3) -> 4 relu -> 1",
        "grid(3x3) -> 4 relu -> 1",
        "uv -> 4 tanh -> 1",
        "uv -> 4 relu -> 0",
        "grid(0x4x1) -> 4 relu -> 1",
        "uv -> 0 relu -> 1",
        "fourier(4, 1) + uv -> 4 relu -> 1",
        "uv -> 4 4 -> 1",
    ],
)
def test_a_wrong_notation_is_refused(notation: str) -> None:
    with pytest.raises(InputError) as error:
        parse(notation)
    assert repr(notation) in str(error.value)


def test_quantised_numbers_lie_on_their_steps() -> None:
    table = torch.randn(50, 4, requires_grad=True)
    texels = quantise_texels(table, 4) * 8
    assert torch.equal(texels, texels.round()) and texels.min() == -8 and texels.max() == 7
    weights = quantise_weights(torch.randn(9, 9) * 5, 8)
    step = 2.0 ** np.ceil(np.log2(weights.abs().max().item() / 127))
    assert torch.equal(weights / step, (weights / step).round()) and (weights / step).abs().max() > 60
    quantise_weights(table, 8).sum().backward()
    assert table.grad is not None and torch.equal(table.grad, torch.ones_like(table))


def test_grid_gradients_are_those_of_the_definition() -> None:
    torch.manual_seed(0)
    encoding = GridEncoding([(4, 5, 3)], 2, 0).double()
    entry, uv = torch.arange(20) % 2, torch.rand(20, 2, dtype=torch.float64)
    weights = torch.randn(20, 3, dtype=torch.float64)
    (encoding(entry, uv) * weights).sum().backward()
    gradient = encoding.tables[0].grad.clone()
    for row, column in ((0, 0), (7, 1), (33, 2)):
        with torch.no_grad():
            before = (encoding(entry, uv) * weights).sum()
            encoding.tables[0][row, column] += 1e-3
            slope = ((encoding(entry, uv) * weights).sum() - before) / 1e-3
            encoding.tables[0][row, column] -= 1e-3
        assert slope.item() == pytest.approx(gradient[row, column].item(), abs=1e-6)


def test_awareness_of_quantisation_pays() -> None:
    signal, notation = waves(), parse("grid(8x8x2) -> 16 relu -> 1")
    quantisation = Quantisation(grid_bits=4)
    plain, aware = FieldModel(notation), FieldModel(notation, quantisation=quantisation)
    for model in (plain, aware):
        train(model, SignalTask(signal, 576), Settings(steps=400, grid_rate=0.03))
    rounded = FieldModel(notation, quantisation=quantisation)
    rounded.load_state_dict(plain.state_dict())
    assert psnr(answers(aware, signal), signal.values) > psnr(answers(rounded, signal), signal.values) + 0.5
    assert psnr(signal.values, signal.values) == 120
