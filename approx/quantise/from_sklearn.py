"""From a fitted scikit-learn model, alone or behind scalers in a pipeline, to an `AffineModel`.

Only fitted objects are taken, never files of them: those are pickles, which run code when they are opened.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Affine, AffineModel, Clip, Floats, Operation, relu
from inkling.train.networks.piecewise_linear import model

LINEAR = (
    "LogisticRegression", "LogisticRegressionCV", "LinearSVC", "RidgeClassifier", "RidgeClassifierCV",
    "SGDClassifier", "Perceptron", "LinearDiscriminantAnalysis",
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "SGDRegressor",
    "LinearSVR",
)  # fmt: skip
NETWORKS = ("MLPClassifier", "MLPRegressor")


def read(fitted: Any) -> AffineModel:
    """The function of a fitted estimator or Pipeline. Raises InputError, naming what cannot be converted."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    name = type(fitted).__name__
    steps = fitted.steps if name == "Pipeline" else [(name, fitted)]
    operations: list[Operation] = []
    last = steps[-1][1]
    try:
        check_is_fitted(last)
    except (NotFittedError, TypeError) as error:
        raise InputError(f"{name} is not a fitted scikit-learn model: call its fit first") from error
    for _, step in steps[:-1]:
        operations += _scaler(step)
    kind = type(last).__name__
    if kind not in (*LINEAR, *NETWORKS):
        raise InputError(
            f"a scikit-learn {kind} cannot be converted: train an MLPClassifier, an MLPRegressor or a linear model "
            "(for trees and forests, let inkling search: `inkling run`)"
        )
    final, regression = (_network if kind in NETWORKS else _linear)(last)
    inputs = _width(steps[0][1], final)
    return model(
        [*operations, *final],
        inputs,
        "regression" if regression else "classification",
        classes=() if regression else [_text(label) for label in last.classes_],
        source=" + ".join(type(step).__name__ for _, step in steps if step not in (None, "passthrough")),
    )


def _width(first: Any, final: list[Operation]) -> int:
    known = getattr(first, "n_features_in_", None)
    return int(known) if known is not None else int(final[0].weights.shape[1])  # type: ignore[union-attr]


def _scaler(step: Any) -> list[Operation]:
    """A step before the model as operations on each value alone."""
    if step is None or step == "passthrough":
        return []
    kind = type(step).__name__
    make = _SCALERS.get(kind)
    if make is None:
        raise InputError(
            f"a {kind} before the model cannot be converted: use {', '.join(_SCALERS)}, or transform the table first"
        )
    return make(step)


def _standard(step: Any) -> list[Operation]:
    width = step.n_features_in_
    mean = _array(step.mean_) if step.with_mean else np.zeros(width)
    scale = _array(step.scale_) if step.scale_ is not None else np.ones(width)
    return [Affine(1 / scale, -mean / scale)]


def _min_max(step: Any) -> list[Operation]:
    found: list[Operation] = [Affine(_array(step.scale_), _array(step.min_))]
    return [*found, Clip(float(step.feature_range[0]), float(step.feature_range[1]))] if step.clip else found


def _max_abs(step: Any) -> list[Operation]:
    if getattr(step, "clip", False):
        return [Affine(1 / _array(step.scale_), np.zeros(len(step.scale_))), Clip(-1.0, 1.0)]
    return [Affine(1 / _array(step.scale_), np.zeros(len(step.scale_)))]


def _robust(step: Any) -> list[Operation]:
    width = step.n_features_in_
    center = _array(step.center_) if step.center_ is not None else np.zeros(width)
    scale = _array(step.scale_) if step.scale_ is not None else np.ones(width)
    return [Affine(1 / scale, -center / scale)]


_SCALERS: dict[str, Callable[[Any], list[Operation]]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
}


def _network(fitted: Any) -> tuple[list[Operation], bool]:
    if fitted.activation not in ("relu", "identity"):
        raise InputError(
            f"activation {fitted.activation!r} of {type(fitted).__name__} cannot be converted: "
            "train it again with activation='relu'"
        )
    if fitted.out_activation_ == "logistic" and fitted.n_outputs_ > 1:
        raise InputError("a network with several labels for a row cannot be converted: train one network for each")
    if fitted.out_activation_ not in ("identity", "logistic", "softmax"):
        raise InputError(
            f"an output through {fitted.out_activation_!r} cannot be converted: use loss='squared_error'"
        )
    operations: list[Operation] = []
    for number, (weights, bias) in enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True)):
        if number and fitted.activation == "relu":
            operations.append(relu())
        operations.append(Affine(_array(weights).T.copy(), _array(bias)))
    return operations, fitted.out_activation_ == "identity"


def _linear(fitted: Any) -> tuple[list[Operation], bool]:
    weights = np.atleast_2d(_array(fitted.coef_))
    bias = np.broadcast_to(_array(fitted.intercept_).reshape(-1), len(weights)).copy()
    return [Affine(weights, bias)], not hasattr(fitted, "classes_")


def _array(values: Any) -> Floats:
    return np.asarray(values, np.float64)


def _text(label: Any) -> str:
    """A class as `inkling.train.tables.table` would write it: a whole number without a fraction."""
    plain = label.item() if isinstance(label, np.generic) else label
    if isinstance(plain, bool):
        return str(plain)
    return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)
