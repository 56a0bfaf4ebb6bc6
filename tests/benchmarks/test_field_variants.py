"""Each method from the literature at small scale, with the claim it makes."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from inkling.train.errors import InputError
from inkling.train.fields.encodings import Fourier
from inkling.train.fields.float_field import check, evaluate
from inkling.train.fields.models import FieldModel, parse
from inkling.train.fields.tasks import SignalTask, answers, to_field
from inkling.train.fields.training import Settings, train
from inkling.train.scenes.signals import Signal, picture, psnr

sys.path.insert(0, str(Path(__file__).parent))

import field_spectrum as spectrum
from field_variants import (
    CamField,
    DistillTask,
    EncodedField,
    GaussianBumps,
    LevelsTask,
    ProgressiveField,
    ResidualField,
    Sape,
    TiledField,
    WatchedTask,
)

torch.set_num_threads(1)


def texture(size: int = 32, cycles: float = 6.0) -> Signal:
    """A smooth part on the left and a fine one on the right."""
    y, x = np.mgrid[:size, :size] / size
    fine = np.sin(2 * np.pi * cycles * x) * np.sin(2 * np.pi * cycles * y)
    return picture("texture", 0.5 + 0.2 * np.sin(2 * np.pi * x) + 0.25 * fine * (x > 0.5))


def learn(model: torch.nn.Module, signal: Signal, steps: int = 150, rate: float = 3e-3) -> float:
    train(model, SignalTask(signal, 1024), Settings(steps=steps, rate=rate))
    return psnr(answers(model, signal), signal.values)


def test_fresh_chooses_a_frequency_that_trains_better() -> None:
    y, x = np.mgrid[:32, :32] / 32
    waves = np.sin(2 * np.pi * (5 * x + 3 * y)) + np.sin(2 * np.pi * (6 * y - 4 * x))
    signal, candidates = picture("waves", 0.5 + 0.2 * waves), (0.3, 2.0, 20.0)

    def build(scale: float, seed: int) -> torch.nn.Module:
        return FieldModel(parse(f"fourier(64, {scale:g}) -> 32 relu -> 1"), 1, seed)

    choice = spectrum.choose(signal, candidates, build)
    assert choice.scale == candidates[int(np.argmin(choice.distances))] == 2.0
    trained = [learn(build(scale, 0), signal, 100) for scale in candidates]
    assert int(np.argmax(trained)) == candidates.index(choice.scale)
    with pytest.raises(InputError, match="candidate"):
        spectrum.choose(signal, (), build)


def test_spectra_tell_frequencies_apart() -> None:
    x = np.arange(64)
    low, high = (np.sin(2 * np.pi * k * x / 64)[None, :, None] for k in (3, 20))
    assert spectrum.spectrum(low).argmax() == 2 and spectrum.spectrum(high).argmax() == 19
    assert spectrum.distance(spectrum.spectrum(low), spectrum.spectrum(high)) == pytest.approx(17, abs=0.5)
    assert spectrum.distance(spectrum.spectrum(low), spectrum.spectrum(low)) == 0


def test_modulation_by_a_grid_improves_the_same_mlp() -> None:
    signal, notation = texture(), "fourier(32, 3) -> 32 32 relu -> 1"
    plain, modulated = FieldModel(parse(notation)), CamField(notation, 12)
    grid = sum(p.numel() for p in modulated.modulation.parameters())
    assert grid < 0.3 * sum(p.numel() for p in plain.parameters())
    assert learn(modulated, signal) > learn(plain, signal) + 1
    with pytest.raises(InputError, match="hidden"):
        CamField("fourier(4, 1) -> relu -> 1", 4)


def test_sape_opens_frequencies_only_where_they_are_needed() -> None:
    signal = texture()
    sape = Sape(Fourier(64, 4, 0), cells=4, rate=0.1, threshold=2e-3)
    model = EncodedField([sape], [32], 1)

    def watch(batch: dict[str, torch.Tensor], losses: torch.Tensor) -> None:
        sape.advance(batch["uv"], losses)

    train(model, WatchedTask(signal, 1024, watch=watch), Settings(steps=250, rate=1e-2))
    opened = sape.opened[0].numpy()
    assert opened[:, 2:].mean() > opened[:, :2].mean() + 5
    assert psnr(answers(model, signal), signal.values) > 18
    assert sape.mask(torch.rand(50, 2)).min() >= 0 and sape.mask(torch.rand(50, 2)).max() <= 1


def test_every_level_of_a_progressive_field_is_usable_and_better_than_the_last() -> None:
    signal = texture()
    model = ProgressiveField(1, (12, 24, 32), (4, 15, 40))
    train(model, LevelsTask(SignalTask(signal, 1024)), Settings(steps=250, rate=3e-3))
    levels = [psnr(level, signal.values) for level in answers(model, signal)]
    assert levels[0] > 14 and levels[1] > levels[0] + 1 and levels[2] > levels[1] + 1


def test_tiles_are_selected_by_address_and_imitate_their_teacher() -> None:
    signal = texture()
    teacher = FieldModel(parse("uv -> 48 48 sine(30) -> 1"))
    assert learn(teacher, signal, 250) > 24
    tiles = TiledField(1, 32, 4)
    assert sum(len(w) for w in tiles.weights) == 3 * 1024
    train(tiles, DistillTask(teacher, 4096), Settings(steps=120, rate=3e-2))
    assert psnr(answers(tiles, signal), answers(teacher, signal)) > 28
    # A change to one network changes one tile.
    before = answers(tiles, signal)
    with torch.no_grad():
        tiles.biases[2][5 * 32 + 7] += 1
    address, _ = tiles.address(torch.zeros(len(signal.uv), dtype=torch.int64), torch.from_numpy(signal.uv))
    assert np.array_equal((answers(tiles, signal) != before)[:, 0], (address == 5 * 32 + 7).numpy())


def test_tiles_answer_each_place_by_its_own_network() -> None:
    tiles = TiledField(2, 3, 4, entries=2)
    rng = np.random.default_rng(0)
    entry, uv = torch.from_numpy(rng.integers(2, size=40)), torch.from_numpy(rng.random((40, 2), np.float32))
    together = tiles(entry, uv)
    for n in range(40):
        tile, place = tiles.address(entry[n : n + 1], uv[n : n + 1])
        values = place[0]
        for k in range(3):
            values = values @ tiles.weights[k][tile[0]] + tiles.biases[k][tile[0]]
            values = torch.sin(values) if k < 2 else values
        assert torch.allclose(values, together[n], atol=1e-5)


def test_gaussian_bumps_with_waves_beat_texels_of_the_same_grid() -> None:
    signal = texture(cycles=5)
    bumps = EncodedField([GaussianBumps(10, 4, 0, waves=2)], [16], 1)
    texels = FieldModel(parse("grid(10x10x4) -> 16 relu -> 1"))
    assert learn(bumps, signal, 120, 1e-2) > learn(texels, signal, 120, 1e-2) + 1
    waves = GaussianBumps(5, 2, 0, waves=2)
    assert waves(torch.zeros(9, dtype=torch.int64), torch.rand(9, 2)).shape == (9, 6)


def test_a_residual_student_learns_more_from_pseudo_data_than_from_few_samples() -> None:
    signal = texture()
    teacher = FieldModel(parse("uv -> 48 48 sine(30) -> 1"))
    learn(teacher, signal, 250)
    taught, alone = ResidualField(1, 32, 3), ResidualField(1, 32, 3)
    pick = np.random.default_rng(0).choice(1024, 100, replace=False)
    few = Signal("few", "picture", signal.entry[pick], signal.uv[pick], answers(teacher, signal)[pick])
    train(alone, SignalTask(few, 100), Settings(steps=200, rate=3e-3))
    train(taught, DistillTask(teacher, 1024), Settings(steps=200, rate=3e-3))
    wanted = answers(teacher, signal)
    assert psnr(answers(taught, signal), wanted) > psnr(answers(alone, signal), wanted) + 3


def test_progressive_levels_become_one_field_each_of_their_own() -> None:
    model = ProgressiveField(3, (6, 9, 5), (5, 10, 20), kind="periodic_quadratic").eval()
    places = np.random.default_rng(1).random((50, 2)).astype(np.float32)
    entry = np.zeros(50, np.int64)
    with torch.no_grad():
        wanted = model(torch.from_numpy(entry), torch.from_numpy(places)).numpy()
    for count in (1, 2, 3):
        field = model.to_field("picture", [0.0] * 3, [1.0] * 3, count)
        check(field)
        np.testing.assert_allclose(evaluate(field, entry, places), wanted[count - 1], atol=1e-4)


def test_fourier_features_of_arcs_become_a_field_of_the_quadratic() -> None:
    model = FieldModel(parse("arcs(16, 3) -> 16 relu -> 1"), 1, 0).eval()
    signal = texture()
    field = to_field(model, signal)
    assert field.first_activation == "periodic_quadratic"
    wanted = answers(model, signal)
    np.testing.assert_allclose(evaluate(field, signal.entry, signal.uv), wanted, atol=1e-4)
