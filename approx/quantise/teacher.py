"""A strong teacher for small circuits: forests and a network that label jittered and interpolated rows.

A search scored on the table's rows alone overfits; tens of thousands of rows near them, labelled by a teacher
fitted to the training rows only, hold it to the shape of the decision. Nothing here sees validation or test rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.networks import inputs_of
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import DecisionTree
from inkling.train.tables.dataset import Development, Rows

TEACHERS = ("forest", "extra", "network")


class WeightedRows(NamedTuple):
    """Codes, uint8 [rows, features], labels, int64 [rows], and what one wrong row costs, int64 [rows]."""

    codes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    weights: NDArray[np.int64]


@dataclass(frozen=True)
class Teacher:
    """Models fitted to the training rows; their class probabilities are averaged."""

    models: tuple[Any, ...]
    classes: int

    def probabilities(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """float64 [rows, classes] for codes, uint8 [rows, features]."""
        total = np.zeros((len(codes), self.classes))
        for model in self.models:
            total[:, model.classes_] += model.predict_proba(codes.astype(np.float32))
        return total / len(self.models)


def fit(
    rows: Rows,
    classes: int,
    *,
    seed: int,
    kinds: Sequence[str] = ("forest", "extra"),
    trees: int = 200,
    leaf: int = 1,
) -> Teacher:
    """Fit the named kinds of TEACHERS to training rows; leaf: fewest rows in a leaf of the forests' trees."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = rows.codes.astype(np.float32), rows.labels
    models: list[Any] = []
    for kind in kinds:
        if kind == "forest":
            models.append(RandomForestClassifier(trees, min_samples_leaf=leaf, random_state=seed).fit(x, y))
        elif kind == "extra":
            models.append(ExtraTreesClassifier(trees, min_samples_leaf=leaf, random_state=seed).fit(x, y))
        elif kind == "network":
            for part in range(3):
                network = MLPClassifier((48,), alpha=0.01, max_iter=400, random_state=seed + part)
                models.append(_quiet(make_pipeline(StandardScaler(), network), x, y))
        else:
            raise ValueError(f"there is no teacher {kind!r}; choose from {', '.join(TEACHERS)}")
    return Teacher(tuple(models), classes)


def _quiet(model: Any, x: NDArray[np.float32], y: NDArray[np.int64]) -> Any:
    """Fit without the warning that an iteration limit was reached."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def nearby(
    rows: Rows, count: int, rng: np.random.Generator, *, jitter: int = 1, mixing: float = 0.5
) -> NDArray[np.uint8]:
    """`count` rows near the given ones: a share `mixing` lies between two neighbours of one class, all are jittered.

    A jittered feature moves by up to `jitter` steps, with a chance of a half. Steps are between the codes that occur
    in its column: a column of few values is not given codes that no reading can have.
    """
    from sklearn.neighbors import NearestNeighbors

    occurring = [np.unique(column) for column in rows.codes.T]
    codes = np.stack(
        [np.searchsorted(values, column) for values, column in zip(occurring, rows.codes.T, strict=True)], axis=1
    ).astype(np.int64)
    base = rng.integers(0, len(codes), count)
    made = codes[base].astype(np.float64)
    neighbours = np.zeros((len(codes), 1), np.int64) + np.arange(len(codes))[:, None]
    for label in np.unique(rows.labels):
        members = np.flatnonzero(rows.labels == label)
        k = min(8, len(members))
        found = NearestNeighbors(n_neighbors=k).fit(codes[members]).kneighbors(codes[members], return_distance=False)
        wide = members[found]
        if neighbours.shape[1] < k:
            neighbours = np.concatenate(
                [neighbours, np.tile(neighbours[:, :1], (1, k - neighbours.shape[1]))], axis=1
            )
        neighbours[members, :k] = wide
    other = neighbours[base, rng.integers(0, neighbours.shape[1], count)]
    share = rng.random((count, 1)) * (rng.random((count, 1)) < mixing)
    made += share * (codes[other] - made)
    made += rng.random(made.shape) - 0.5  # round between codes at random
    moved = np.rint(made).astype(np.int64)
    moved += rng.integers(-jitter, jitter + 1, moved.shape) * (rng.random(moved.shape) < 0.5)
    moved = np.clip(moved, 0, [len(values) - 1 for values in occurring])
    return np.stack([values[column] for values, column in zip(occurring, moved.T, strict=True)], axis=1)


def augment(
    development: Development,
    *,
    rows: int,
    seed: int,
    kinds: Sequence[str] = ("forest", "extra"),
    jitter: int = 1,
    mixing: float = 0.5,
    levels: int = 4,
    real_weight: int = 2,
    teacher: Teacher | None = None,
    noise: int = 0,
    balance: bool = False,
) -> WeightedRows:
    """The training rows with their labels and `rows` nearby rows with a teacher's.

    A labelled row weighs 1..levels by the teacher's margin between its first and second class (rows on which the
    teacher is undecided count for little); a real row weighs real_weight * levels. noise: `shaken` copies of every
    training row to add, each with the weight of a labelled row at most; balance: weigh by `balanced`.
    """
    rng = np.random.default_rng(seed)
    train = development.train
    if teacher is None:
        teacher = fit(train, len(development.classes), seed=seed, kinds=kinds)
    codes = nearby(train, rows, rng, jitter=jitter, mixing=mixing)
    labels, weights = _labelled(teacher, codes, levels)
    real = np.full(len(train.labels), real_weight * levels, np.int64)
    noisy = shaken(train, development.input_bits, noise, rng)
    found = WeightedRows(
        np.concatenate([train.codes, codes, noisy.codes]),
        np.concatenate([train.labels, labels, noisy.labels]),
        np.concatenate([real, weights, np.full(len(noisy.labels), levels, np.int64)]),
    )
    return found._replace(weights=balanced(found.labels, found.weights)) if balance else found


def shaken(rows: Rows, bits: Sequence[int], copies: int, rng: np.random.Generator) -> Rows:
    """Every row `copies` times with its own label, each code moved by -1, 0 or +1 with equal chances.

    bits: of each column's codes, which stay within their range.
    """
    codes: NDArray[np.int64] = np.tile(rows.codes.astype(np.int64), (copies, 1))
    codes += rng.integers(-1, 2, codes.shape)
    top = 2 ** np.asarray(bits, np.int64) - 1
    return Rows(np.clip(codes, 0, top).astype(rows.codes.dtype), np.tile(rows.labels, copies))


def balanced(
    labels: NDArray[np.int64], weights: NDArray[np.int64] | None = None, steps: int = 16
) -> NDArray[np.int64]:
    """Weights, int64 [rows], by which every class that occurs weighs the same, up to rounding: the balanced error.

    steps: of the scale, for a row of mean weight; a row of positive weight weighs at least 1.
    """
    given = np.ones(len(labels), np.int64) if weights is None else weights
    totals = np.bincount(labels, weights=given)
    share = given.sum() / max(1, np.count_nonzero(totals)) / np.maximum(totals, 1)
    scale = steps / max(1.0, float(given.mean()))
    found = np.rint(given * share[labels] * scale).astype(np.int64)
    return np.where(given > 0, np.maximum(found, 1), 0)


def _labelled(teacher: Teacher, codes: NDArray[np.uint8], levels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    probabilities = teacher.probabilities(codes)
    order = np.sort(probabilities, axis=1)
    margin = order[:, -1] - order[:, -2] if order.shape[1] > 1 else order[:, -1]
    weights = np.clip(np.ceil(margin * levels), 1, levels).astype(np.int64)
    return probabilities.argmax(axis=1).astype(np.int64), weights


def tree(
    rows: WeightedRows, development: Development, leaves: int, *, seed: int, smallest: float = 0.0
) -> IntegerNetwork:
    """A tree with at most `leaves` leaves fitted to weighted rows; smallest: least share of weight in a leaf."""
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(
        max_leaf_nodes=max(2, leaves), min_weight_fraction_leaf=smallest, random_state=seed
    )
    model.fit(rows.codes.astype(np.float32), rows.labels, sample_weight=rows.weights)
    found = model.tree_
    best = model.classes_[found.value[:, 0, :].argmax(axis=1)].astype(np.int64)
    feature = np.where(found.children_left < 0, -1, found.feature).astype(np.int64)
    layer = DecisionTree(
        feature,
        np.floor(found.threshold).astype(np.int64),
        np.maximum(found.children_left, 0).astype(np.int64),
        np.maximum(found.children_right, 0).astype(np.int64),
        best,
    )
    return IntegerNetwork(inputs_of(development), (layer,), len(development.classes))


def choose(development: Development, *, seed: int, refit: bool = False) -> Teacher:
    """The forests, the networks or both together: whichever is right on most validation rows.

    refit: fit the chosen kinds again, to training and validation rows together.
    """
    rows, classes, validation = development.train, len(development.classes), development.validation
    kinds: tuple[tuple[str, ...], ...] = (("forest", "extra"), ("network",), TEACHERS)
    forests, networks = (fit(rows, classes, seed=seed, kinds=some) for some in kinds[:2])
    options = (forests, networks, Teacher((*forests.models, *networks.models), classes))
    right = [
        int((option.probabilities(validation.codes).argmax(axis=1) == validation.labels).sum()) for option in options
    ]
    best = right.index(max(right))
    return fit(joined(development).train, classes, seed=seed, kinds=kinds[best]) if refit else options[best]


def joined(development: Development) -> Development:
    """The table with its validation rows among the training rows; they stay validation rows too."""
    rows = (development.train, development.validation)
    together = Rows(np.concatenate([part.codes for part in rows]), np.concatenate([part.labels for part in rows]))
    return replace(development, train=together)
