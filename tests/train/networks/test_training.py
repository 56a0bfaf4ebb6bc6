"""Training: what is returned is what was promised, the step's gradient is autograd's, and a seed fixes the result."""

import _thread
import itertools
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.train.networks import training
from inkling.train.networks.population import EXPONENTS, Layers, Population, power_of_two
from inkling.train.tables.dataset import Development, Rows


def blobs(rows: int = 240, features: int = 4, classes: int = 3, seed: int = 0) -> Development:
    """Overlapping clusters as 4-bit codes."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    centres = random.uniform(2, 13, (classes, features))
    codes = np.clip(centres[labels] + random.normal(0, 2, (rows, features)), 0, 15).astype(np.uint8)
    cut = rows * 3 // 4
    return Development(
        "blobs",
        tuple(f"f{i}" for i in range(features)),
        tuple(f"c{i}" for i in range(classes)),
        (4,) * features,
        Rows(codes[:cut], labels[:cut]),
        Rows(codes[cut:], labels[cut:]),
    )


def trained(
    development: Development, power: bool = True, restarts: int = 6, epochs: int = 300, seed: int = 3, **options
):
    return training.train(
        development,
        hidden=(2, 3),
        restarts=restarts,
        seed=seed,
        power_of_two=power,
        epochs=epochs,
        device="cpu",
        **options,
    )


@pytest.mark.parametrize("power", [True, False])
def test_learns_and_tells_the_truth_about_it(power: bool) -> None:
    development = blobs()
    networks = trained(development, power)
    assert len(networks) == 12
    assert {network.shape for network in networks} == {(4, 2, 3), (4, 3, 3)}
    for network in networks:
        for rows, told in (
            (development.train, network.train_accuracy),
            (development.validation, network.validation_accuracy),
        ):
            # Scores in float64 may differ from training's float32 by a rounding only where they are not exact.
            counted = (network.predict(rows.codes) == rows.labels).mean()
            assert counted == pytest.approx(told, abs=0 if power else 0.02)
    order = [(-network.validation_accuracy, network.size) for network in networks]
    assert order == sorted(order)
    majority = np.bincount(development.validation.labels).max() / len(development.validation.labels)
    assert networks[0].validation_accuracy > majority + 0.25


def test_weights_are_powers_of_two_in_a_window() -> None:
    for network in trained(blobs()):
        assert network.kind == "power_of_two"
        for weights in network.weights:
            mantissas, exponents = np.frexp(np.abs(weights[weights != 0]))
            assert (mantissas == 0.5).all()
            assert len(exponents) == 0 or np.ptp(exponents) < EXPONENTS
        for bias, step in zip(network.biases, network.bias_steps, strict=True):
            assert (bias / step == np.rint(bias / step)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-64, 64, width=32), min_size=1, max_size=12))
def test_rounding_takes_the_nearest_power(values: list[float]) -> None:
    weights = torch.tensor(values, dtype=torch.float32)[None, None, :]
    rounded, smallest = power_of_two(weights)
    low = float(smallest)
    allowed = [0.0] + [sign * low * 2.0**k for k in range(EXPONENTS) for sign in (-1, 1)]
    for before, after in zip(values, rounded.flatten().tolist(), strict=True):
        assert after in allowed
        assert abs(before - after) <= min(abs(before - choice) for choice in allowed) * (1 + 1e-6)


@pytest.mark.parametrize("quantised", [True, False])
def test_gradient_is_that_of_autograd(quantised: bool) -> None:
    development = blobs()
    members = [training.Member(2, 0, 0.01, 6), training.Member(3, 0, 0.01, 4)]
    population = Population.new(development, members, quantised, 5, torch.device("cpu"))
    x, y = population.shuffled(torch.Generator().manual_seed(0))
    layers, _, _ = population.effective(population.parameters)
    ours = population.gradients(layers, x, y, floored=False).clone()
    leaves = Layers(*(part.clone().requires_grad_() for part in layers))
    _, _, scores = population.forward(leaves, x, floored=False)
    loss = -(torch.log_softmax(scores, 1) * y).sum(1).mean(1).sum()
    loss.backward()
    for got, leaf in zip(population.split(ours), leaves, strict=True):
        torch.testing.assert_close(got, leaf.grad, atol=1e-6, rtol=1e-4)
    assert ours.abs().sum() != 0


def test_counting_is_the_first_argmax() -> None:
    development = blobs(classes=4)
    population = Population.new(development, [training.Member(3, 0, 0.01, 4)] * 5, True, 5, torch.device("cpu"))
    flat = torch.round(population.parameters)  # coarse weights make ties frequent
    layers, _, _ = population.effective(flat)
    scores = population.forward(layers, population.x, floored=True)[2].numpy()
    assert (np.sort(scores, 1)[:, -1] == np.sort(scores, 1)[:, -2]).any()
    expected = (scores.argmax(1) == development.train.labels).sum(1)
    assert population.correct(flat, population.x, population.y).tolist() == expected.tolist()


def test_seed_fixes_the_result_whatever_the_threads() -> None:
    development = blobs()
    before = torch.get_num_threads()
    runs = []
    for threads, seed in ((1, 3), (2, 3), (1, 4)):
        torch.set_num_threads(threads)
        runs.append(trained(development, epochs=20, seed=seed))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    first, again, other = (np.concatenate([w.ravel() for n in run for w in n.weights]) for run in runs)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_padding_does_not_leak_into_narrow_members() -> None:
    development = blobs()
    alone = training.Member(2, 1e-4, 0.02, 6)
    population = Population.new(development, [alone, training.Member(5, 0, 0.02, 6)], True, 1, torch.device("cpu"))
    x, y = population.shuffled(torch.Generator().manual_seed(0))
    for _ in range(10):
        population.step(x, y, 1.0, True)
    parts = population.split(population.parameters)
    assert not parts.first[0, 2:].any() and not parts.first_bias[0, 2:].any() and not parts.second[0, :, 2:].any()
    assert parts.first[1].all()


def test_two_classes_need_one_score() -> None:
    for network in trained(blobs(classes=2), epochs=20):
        assert not network.weights[1][0].any() and network.biases[1][0] == 0


def test_time_limit_and_progress() -> None:
    told: list[tuple[float, float]] = []
    start = time.monotonic()
    networks = trained(blobs(), epochs=10**6, time_limit_s=0.5, progress=lambda done, best: told.append((done, best)))
    assert time.monotonic() - start < 30  # a million epochs would take hours
    assert len(networks) == 12
    assert told and all(0 <= done <= 1 for done, _ in told)
    assert all(a <= b for (_, a), (_, b) in itertools.pairwise(told))


def interrupted() -> None:
    told: list[float] = []

    def interrupt_once(done: float, _: float) -> None:
        if not told:
            _thread.interrupt_main()
        told.append(done)
        assert len(told) < 20_000, "training went on after the interrupt"

    networks = trained(blobs(), epochs=10**6, progress=interrupt_once)
    assert len(networks) == 12
    assert told[-1] < 1


def test_interrupt_returns_the_best_so_far() -> None:
    # In a process of its own, as a runner of tests may listen for interrupts too.
    listen = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listen}; runpy.run_path({__file__!r})['interrupted']()"
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=120)


def test_patience_ends_a_program_early() -> None:
    told: list[float] = []
    trained(blobs(), epochs=3000, patience=5, progress=lambda done, _: told.append(done))
    assert told[-1] < 1


def test_module_computes_the_same_scores() -> None:
    development = blobs()
    for power in (True, False):
        network = trained(development, power, restarts=1, epochs=20)[0]
        codes = development.validation.codes
        with torch.no_grad():
            scores = network.module()(torch.from_numpy(network.scale(codes)))
        np.testing.assert_allclose(scores.numpy(), network.scores(codes), atol=1e-12)


def test_default_widths() -> None:
    assert training.default_hidden(blobs(classes=3)) == (2, 3, 4)
    assert training.default_hidden(blobs(classes=10)) == (2, 5, 10)
    assert max(training.default_hidden(blobs(classes=26))) == 10
