"""One call from development rows to a front: what validation rows may decide, with and without `refit`."""

import numpy as np
import pytest

from inkling.approx.gates.front import front
from inkling.approx.gates.search import with_settings
from inkling.approx.netlists import evaluate
from inkling.train.tables.dataset import Development, Rows

AREAS = {"INV": 1.0, "NAND2": 1.1, "NOR2": 1.7, "AND2": 1.9, "OR2": 2.5, "XOR2": 4.5, "XNOR2": 5.9}
QUICK = with_settings(effort=2e5, sweep=2, prices=(1e6, 1e8))


@pytest.fixture(scope="module")
def iris() -> Development:
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    codes = np.clip((x - x.min(0)) / (x.max(0) - x.min(0)) * 16, 0, 15).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(y))
    train, validation = (Rows(codes[part], y[part].astype(np.int64)) for part in (order[:100], order[100:]))
    return Development("iris", ("a", "b", "c", "d"), ("0", "1", "2"), (4, 4, 4, 4), train, validation)


def test_a_front_grows_in_score_and_says_what_its_circuits_do(iris: Development) -> None:
    found = front(iris, areas=AREAS, rounds=6, rows=500, leaves=(8, 3), settings=QUICK, refit=True)
    codes, labels = (np.concatenate(some) for some in zip(iris.train, iris.validation, strict=True))
    assert found[-1].train > 0.9
    for item in found:
        right = evaluate.labels(item.netlist, codes) == labels
        assert item.train == pytest.approx(right.mean())
    scores = [item.scored for item in found]
    assert scores == sorted(scores)
    assert [item.area for item in found] == sorted(item.area for item in found)


def test_refit_scores_the_validation_rows(iris: Development) -> None:
    """Wrong labels on all validation rows are learned with refit and cannot be without it."""
    wrong = Rows(iris.validation.codes, (iris.validation.labels + 1) % 3)
    odd = Development(iris.name, iris.columns, iris.classes, iris.input_bits, iris.train, wrong)
    plain, refitted = (
        front(odd, areas=AREAS, rounds=4, rows=200, leaves=(40,), settings=QUICK, refit=refit)[-1]
        for refit in (False, True)
    )
    assert refitted.validation > plain.validation + 0.2
