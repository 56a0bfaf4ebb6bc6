"""`BespokeClassifier` against scikit-learn's own checks, all of them, and what it does beyond them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from inkling.estimator import BespokeClassifier
from inkling.runs.families import TRIAL
from inkling.train.errors import InputError

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


@parametrize_with_checks(
    [
        BespokeClassifier("trial", family="gates"),
        BespokeClassifier("trial", family="network"),
    ]
)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_pipeline_a_clone_and_a_grid_search() -> None:
    search = GridSearchCV(
        make_pipeline(StandardScaler(), BespokeClassifier("trial", family="tree", random_state=0)),
        {"bespokeclassifier__bits": [1, 4], "bespokeclassifier__ranges": ["span", "fitted"]},
        cv=3,
    ).fit(X, NAMES)
    assert search.best_score_ > 0.9
    assert search.best_params_["bespokeclassifier__bits"] == 4
    first = BespokeClassifier("trial", random_state=3).fit(X, NAMES)
    again = clone(first).fit(X, NAMES)
    assert (first.predict(X) == again.predict(X)).all()
    assert first.score(X, NAMES) > 0.9
    assert first.get_params() == BespokeClassifier("trial", random_state=3).get_params()


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_pandas_and_polars(frame: Any) -> None:
    columns = ["sepal length", "sepal width", "petal length", "petal width"]
    table = frame({name: X[:, k] for k, name in enumerate(columns)})
    fitted = BespokeClassifier("trial", family="tree", random_state=0).fit(table, NAMES)
    assert list(fitted.feature_names_in_) == columns
    assert {item.name for item in fitted.network_.inputs} <= set(columns)
    assert (fitted.predict(table) == fitted.predict(table)).mean() == 1
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame({name: X[:, k] for k, name in enumerate(reversed(columns))}))


def test_scores_exist_where_there_are_scores() -> None:
    fitted = BespokeClassifier("trial", family="network", random_state=0).fit(X, NAMES)
    scores = fitted.decision_function(X)
    assert scores.shape == (150, 3)
    assert (fitted.classes_[scores.argmax(axis=1)] == fitted.predict(X)).all()
    assert not hasattr(BespokeClassifier(family="gates"), "decision_function")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"effort": "fast"}, "trial, quick"),
        ({"family": "forest"}, "gates"),
        ({"bits": 9}, "1 to 8"),
        ({"ranges": "wide"}, "fitted"),
        ({"validation": 1.0}, "validation"),
    ],
)
def test_wrong_parameters_are_told_at_fit(options: Any, named: str) -> None:
    with pytest.raises(InputError, match=named):
        BespokeClassifier(**{"effort": "trial", "family": "tree", **options}).fit(X, Y)


def test_rows_that_are_few_constant_or_far_away() -> None:
    fitted = BespokeClassifier("trial", family="tree").fit([[0.0, 5.0], [1.0, 5.0]], ["a", "b"])
    assert fitted.predict([[0.0, 5.0], [1.0, 5.0]]).tolist() == ["a", "b"]
    far = np.where(Y[:, None] == 0, -1e308, 1e308) * np.ones((1, 2))
    assert BespokeClassifier("trial", family="tree").fit(far, Y == 0).predict(far).shape == (150,)


def test_after_fit_it_costs_emits_verifies_and_reports(tmp_path: Path) -> None:
    train_x, test_x, train_y, test_y = train_test_split(X, NAMES, random_state=0, stratify=NAMES)
    fitted = BespokeClassifier(TRIAL, random_state=0).fit(train_x, train_y)
    cost = fitted.cost()
    assert 0 < cost["area_cm2"] < 1
    assert set(cost["static_power_mw"]) >= {"0.6", "1.0"}
    page = fitted.report(tmp_path / "run", test_x, test_y)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    (point,) = report["points"]
    assert point["accuracy"]["test"] == pytest.approx(fitted.score(test_x, test_y), abs=1e-6)
    assert point["verified"]
    assert report["classes"] == ["setosa", "versicolor", "virginica"]
    assert "BespokeClassifier" in page.read_text()
    design = tmp_path / "run" / "designs" / "gates"
    assert all(item["mismatches"] == 0 for item in json.loads((design / "verdict.json").read_text()))
    with pytest.raises(InputError, match="exists"):
        fitted.emit(design)
    with pytest.raises(InputError, match="label each"):
        fitted.report(tmp_path / "other", test_x, np.full(len(test_x), "rose"))
