"""Second-order sensitivity: its forward pass against the definition, its predictions against losses, its starts."""

import shutil

import numpy as np
import pytest

from inkling.approx.arithmetic import cost, sensitivity
from inkling.approx.arithmetic.genome import to_network
from inkling.approx.arithmetic.kernel import Evaluator, Genome, Shape
from inkling.approx.arithmetic.search import Settings, search
from inkling.approx.arithmetic.starts import genomes, trained
from inkling.train.tables.dataset import Development
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load

pytestmark = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
PRICES = cost.prices(cost.AREA_CM2)


@pytest.fixture(scope="module")
def given() -> tuple[Development, Shape, Genome, Evaluator]:
    """The best of a few trained networks for iris."""
    development = load(Reading("iris", seed=1)).development
    starts = trained(development, widths=(3,), restarts=2, seed=0, epochs=20)
    shape, found = genomes(starts, development, (2,))
    rows = development.train
    ones = np.ones(len(rows.labels), np.int64)
    evaluator = Evaluator(shape, development.input_bits, rows.codes, rows.labels, ones)
    return development, shape, min(found, key=evaluator.errors), evaluator


def test_scores_are_those_of_the_definition(given: tuple[Development, Shape, Genome, Evaluator]) -> None:
    development, shape, genome, _ = given
    rows = development.train
    found, _, _ = sensitivity.scores(genome, shape, rows.codes)
    assert (found.argmax(axis=1) == to_network(genome, shape, development).predict(rows.codes)).all()


def test_predicted_losses_follow_losses(given: tuple[Development, Shape, Genome, Evaluator]) -> None:
    """Over small sets of bits of both layers; without the terms between bits the prediction is worse."""
    development, shape, genome, _ = given
    rows = development.train
    scale = sensitivity.best_scale(sensitivity.scores(genome, shape, rows.codes)[0], rows.labels)
    expansion = sensitivity.expand(genome, shape, rows.codes, rows.labels, scale)
    layers = expansion.pieces[:, 0] < shape.hidden
    assert layers.any() and (~layers).any() and np.abs(expansion.hessian[layers][:, ~layers]).max() > 0
    assert np.allclose(expansion.hessian, expansion.hessian.T) and (np.diag(expansion.hessian) >= 0).all()
    random = np.random.default_rng(0)
    true, predicted, apart = [], [], []
    for _ in range(150):
        gone = np.zeros(len(expansion.pieces), bool)
        gone[random.choice(len(gone), 3, replace=False)] = True
        made = sensitivity.without(genome, shape, expansion, gone)
        found, _, _ = sensitivity.scores(made, shape, rows.codes)
        true.append(sensitivity.loss(found, rows.labels, scale))
        predicted.append(expansion.predicted(gone))
        s = gone.astype(float)
        apart.append(expansion.loss + expansion.gradient @ s + s @ np.diag(expansion.hessian) / 2)
    right = cost.rank_correlation(np.array(predicted), np.array(true))
    assert right > 0.6
    assert right > cost.rank_correlation(np.array(apart), np.array(true))


def test_starts_get_smaller_and_keep_more_than_random_ones(
    given: tuple[Development, Shape, Genome, Evaluator],
) -> None:
    development, shape, genome, evaluator = given
    rows = development.train
    whole = float(evaluator.features(genome)[0] @ PRICES)
    found = sensitivity.smaller_starts(genome, shape, rows.codes, rows.labels, evaluator, PRICES, (0.6, 0.3))
    areas = [float(evaluator.features(one)[0] @ PRICES) for one in found]
    assert len(found) == 2 and areas[0] <= 0.6 * whole and areas[1] <= 0.3 * whole
    scale = sensitivity.best_scale(sensitivity.scores(genome, shape, rows.codes)[0], rows.labels)
    expansion = sensitivity.expand(genome, shape, rows.codes, rows.labels, scale)
    random = np.random.default_rng(0)
    errors = []
    for _ in range(20):
        gone = np.zeros(len(expansion.pieces), bool)
        made = genome
        for k in random.permutation(len(gone)):
            if float(evaluator.features(made)[0] @ PRICES) <= 0.6 * whole:
                break
            gone[k] = True
            made = sensitivity.without(genome, shape, expansion, gone)
        errors.append(evaluator.errors(made))
    assert evaluator.errors(found[0]) < np.median(errors)


def test_the_search_can_start_from_them(given: tuple[Development, Shape, Genome, Evaluator]) -> None:
    how = Settings(widths=(2,), restarts=2, epochs=10, teacher_rows=0, effort=2e6, sensitive_starts=2)
    assert search(given[0], moves=5000, settings=how)[-1].train > 0.7
