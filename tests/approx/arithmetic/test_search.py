"""The arithmetic search: its evaluator against the definition, its area against plans, and what it promises."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from inkling.approx.arithmetic import cost
from inkling.approx.arithmetic.genome import from_layers, parts, to_network
from inkling.approx.arithmetic.kernel import FEATURES, LEVELS, Anneal, Archive, Evaluator, Genome, Shape
from inkling.approx.arithmetic.search import Candidate, Settings, search
from inkling.approx.arithmetic.starts import Start
from inkling.approx.matrices.compressor import cost as plan_cost
from inkling.approx.matrices.compressor import plan_bits
from inkling.approx.reference.operations import ClippedReLU, Dense, MaskedSum
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Dataset, Development
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load

pytestmark = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")

PRICES = cost.prices(cost.AREA_CM2)
QUICK = Settings(teacher_rows=0, effort=2e6)


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return load(Reading("iris", seed=1))


def a_start(development: Development, seed: int = 0) -> Start:
    random = np.random.default_rng(seed)
    columns, classes, hidden = len(development.columns), len(development.classes), 3
    return Start(
        Dense(random.integers(-7, 8, (hidden, columns)), random.integers(-20, 20, hidden)),
        ClippedReLU((2, 1, 0), (3, 4, 2)),
        Dense(random.integers(-7, 8, (classes, hidden)), random.integers(-20, 20, classes)),
    )


def evaluator(development: Development, shape: Shape) -> Evaluator:
    rows = development.train
    return Evaluator(shape, development.input_bits, rows.codes, rows.labels, np.ones(len(rows.labels), np.int64))


def genomes(development: Development, seed: int, moves: int = 400) -> tuple[Shape, list[Genome], list[int]]:
    """What a short annealing finds."""
    tops = 2 ** np.array(development.input_bits, np.int64) - 1
    shape = Shape(len(development.columns), 3, len(development.classes), 16)
    archive = Archive.empty(60, shape.size)
    start = from_layers(*a_start(development, seed), 2, shape, tops)
    evaluator(development, shape).anneal(start, Anneal(0.05, 0.02, moves, seed), PRICES, archive)
    found = np.flatnonzero(np.isfinite(archive.areas))
    return shape, [archive.genomes[k] for k in found], archive.errors[found].tolist()


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_incremental_evaluation_is_the_definition(seed: int) -> None:
    development = load(Reading("iris", seed=1)).development
    shape, found, errors = genomes(development, seed)
    fresh = evaluator(development, shape)
    rows = development.train
    assert found
    for genome, counted in zip(found, errors, strict=True):
        network = to_network(genome, shape, development)
        expected = int((network.predict(rows.codes) != rows.labels).sum())
        assert counted == expected == fresh.errors(genome)


def test_a_changed_genome_is_told_apart(iris: Dataset) -> None:
    development = iris.development
    shape, found, _ = genomes(development, 3)
    fresh = evaluator(development, shape)
    changed = [genome.copy() for genome in found]
    for genome in changed:
        parts(genome, shape).bias[shape.hidden] += 4000
    assert [fresh.errors(a) for a in changed] != [fresh.errors(a) for a in found]


def test_counted_area_follows_planned_adders(iris: Dataset) -> None:
    """The kernel's quick count of adders against the plans from which the hardware is drawn."""
    counted, planned = [], []
    for seed in range(5):
        shape, found, _ = genomes(iris.development, seed)
        for genome in found[::3]:
            counts, fits = evaluator(iris.development, shape).features(genome)
            assert fits
            sums = [name.startswith(("add", "invert", "subtract", "borrow", "odd", "any")) for name in FEATURES]
            counted.append(float(counts[sums] @ PRICES[sums]))
            network = to_network(genome, shape, iris.development)
            bounds = network.intervals()
            total = 0
            for k, layer in enumerate(network.layers):
                if not isinstance(layer, MaskedSum):
                    continue
                rows = layer.bit_weights([int(top).bit_length() for top in bounds[k][1]])
                relu = network.layers[k + 1]
                first = relu.of_each(len(rows)) if isinstance(relu, ClippedReLU) else ((0, 0),) * len(rows)
                for o, row in enumerate(rows):
                    bits = [(i, bit, weight) for (i, bit), weight in row.items()]
                    ends = int(bounds[k + 1][0][o]), int(bounds[k + 1][1][o])
                    total += plan_cost(plan_bits(bits, int(layer.bias[o]), *ends, first_bit=first[o][0]))
            planned.append(float(total))
    assert spearmanr(counted, planned).statistic > 0.95


def same(a: tuple[Candidate, ...], b: tuple[Candidate, ...], development: Development) -> bool:
    codes = development.train.codes
    return len(a) == len(b) and all(
        (x.area_cm2, x.validation) == (y.area_cm2, y.validation)
        and (x.network.predict(codes) == y.network.predict(codes)).all()
        for x, y in zip(a, b, strict=True)
    )


def test_a_seed_fixes_the_front(iris: Dataset) -> None:
    starts = [a_start(iris.development)]
    fronts = [search(iris.development, moves=20000, seed=seed, settings=QUICK, starts=starts) for seed in (1, 1, 2)]
    assert same(fronts[0], fronts[1], iris.development)
    assert not same(fronts[0], fronts[2], iris.development)


def test_the_front_is_one_and_its_figures_are_true(iris: Dataset) -> None:
    development = iris.development
    front = search(development, moves=60000, settings=QUICK, starts=[a_start(development)])
    assert front[-1].train > 0.9
    areas = [candidate.area_cm2 for candidate in front]
    assert areas == sorted(areas) and len(front) >= 2
    for candidate in front:
        for rows, said in ((development.train, candidate.train), (development.validation, candidate.validation)):
            assert (candidate.network.predict(rows.codes) == rows.labels).mean() == pytest.approx(said)


def test_training_gives_starts(iris: Dataset) -> None:
    small = Settings(widths=(2,), restarts=2, epochs=10, teacher_rows=100, effort=2e6)
    assert search(iris.development, moves=5000, settings=small)[-1].train > 0.7


def test_levels_can_be_switched_off(iris: Dataset) -> None:
    """With biases alone all terms stay; with all levels some go."""
    starts = [a_start(iris.development)]
    sizes = {}
    for levels in (("biases",), LEVELS):
        how = replace(QUICK, levels=levels, digits=(2,))
        front = search(iris.development, moves=5000, settings=how, starts=starts)
        firsts = [candidate.network.layers[0] for candidate in front]
        sizes[levels] = {len(first.output) for first in firsts if isinstance(first, MaskedSum)}
    assert len(sizes[("biases",)]) == 1
    assert min(sizes[LEVELS]) < min(sizes[("biases",)])


def test_resumed_search_equals_one_that_was_not_interrupted(iris: Dataset, tmp_path: Path) -> None:
    starts = [a_start(iris.development)]
    whole = search(iris.development, moves=30000, settings=QUICK, starts=starts)
    path = tmp_path / "search.npz"
    search(iris.development, moves=12000, settings=QUICK, starts=starts, checkpoint=path)
    resumed = search(iris.development, moves=30000, settings=QUICK, starts=starts, checkpoint=path)
    assert same(whole, resumed, iris.development)


def test_other_checkpoints_are_refused(iris: Dataset, tmp_path: Path) -> None:
    starts = [a_start(iris.development)]
    path = tmp_path / "search.npz"
    search(iris.development, moves=3000, settings=QUICK, starts=starts, checkpoint=path)
    with pytest.raises(InputError, match="another search"):
        search(iris.development, moves=3000, seed=5, settings=QUICK, starts=starts, checkpoint=path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="readable checkpoint"):
        search(iris.development, moves=3000, settings=QUICK, starts=starts, checkpoint=path)


def test_ctrl_c_returns_the_front_so_far(iris: Dataset) -> None:
    calls = []

    def interrupt(done: float, front: Sequence[Candidate]) -> None:
        calls.append((done, len(front)))
        if len(calls) == 1:
            raise KeyboardInterrupt

    starts = [a_start(iris.development)]
    front = search(iris.development, moves=10**9, settings=QUICK, starts=starts, progress=interrupt)
    assert len(front) == calls[0][1] and calls[0][0] < 0.5 and len(calls) == 2


def test_prices_are_fitted() -> None:
    random = np.random.default_rng(0)
    counts = random.integers(0, 30, (80, len(FEATURES))).astype(float)
    true = PRICES * random.uniform(0.5, 1.2, len(FEATURES))
    found = cost.fit(counts[:60], counts[:60] @ true, weight=0.001)
    assert (found >= 0).all()
    assert spearmanr(counts[60:] @ found, counts[60:] @ true).statistic > 0.97


def test_a_neuron_of_200_whole_inputs_is_counted_with_all_its_bits() -> None:
    """1,600 bits into one sum: every full adder takes one bit away, until two a column are left."""
    shape = Shape(200, 1, 2, 200)
    genome = np.zeros(shape.size, np.int16)
    held = parts(genome, shape)
    for slot in range(200):
        held.terms[0, slot] = (slot, 1, 0, 255)
    held.terms[1, 0] = held.terms[2, 0] = (0, 1, 0, 1)
    held.bits[:], held.width[:] = 1, 16
    codes = np.zeros((64, 200), np.uint8)
    rows = Evaluator(shape, [8] * 200, codes, np.zeros(64, np.int64), np.ones(64, np.int64))
    counts, fits = rows.features(genome)
    adders = counts[FEATURES.index("add3")]
    assert not fits and 1600 - 2 * 16 <= adders <= 1600
