"""`BespokeClassifier`: a classifier circuit with scikit-learn's interface; after `fit` it emits, verifies and costs.

What is trained and searched lives in `inkling.runs.families`, how a design is made of it in `inkling.runs.design`.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import ArgMax
from inkling.hdl.cells.choice import technology_of
from inkling.runs.design import Built, Job, build
from inkling.runs.effort import Effort
from inkling.runs.families import FAMILIES, choose, effort_of
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Dataset, Development, Rows
from inkling.train.tables.quantiser import Quantiser, around, check_bits, fit
from inkling.train.tables.ranges import fit_ranges

RANGES = ("fitted", "span")


def _has_scores(estimator: "BespokeClassifier") -> bool:
    """Circuits of gates and trees give a label and nothing else."""
    if estimator.family != "network":
        raise AttributeError("only family='network' has scores")
    return True


class BespokeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The smallest circuit found whose accuracy is within `tolerance` of the best, for float features.

    Parameters
    ----------
    effort : str or inkling.runs.effort.Effort
        "trial" (seconds, to try things out), "quick", "standard", "thorough", or budgets of your own.
    family : str
        "gates" (gate-level search), "network" (exact 8-bit perceptron, which has a `decision_function`),
        "power_of_two" or "tree".
    bits : int
        Of the code of every feature, 1 to 8.
    ranges : str
        "fitted" (thresholds that matter fall on leading bits) or "span" (least to largest value).
    tolerance : float
        Accuracy, 0 to 1, that may be given up for a smaller circuit.
    validation : float
        Share of the rows that chooses.
    technology : tuple of str or Path
        Liberty files, one for each supply voltage, or () for the built-in printed cells.
    random_state : int, numpy.random.RandomState or None
        Equal seeds give equal circuits.

    Attributes
    ----------
    classes_ : numpy.ndarray
        The labels, in order of the output code.
    n_features_in_ : int
        Features that `fit` saw.
    feature_names_in_ : numpy.ndarray
        Their names, where the columns had names as text.
    network_ : inkling.approx.reference.network.IntegerNetwork
        What every emitted file computes.
    quantisers_ : tuple of inkling.train.tables.quantiser.Quantiser
        One for each feature.
    development_ : inkling.train.tables.dataset.Development
        The codes that it was fitted to.
    """

    def __init__(
        self,
        effort: str | Effort = "quick",
        *,
        family: str = "gates",
        bits: int = 4,
        ranges: str = "fitted",
        tolerance: float = 0.01,
        validation: float = 0.2,
        technology: tuple[str | Path, ...] = (),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.effort = effort
        self.family = family
        self.bits = bits
        self.ranges = ranges
        self.tolerance = tolerance
        self.validation = validation
        self.technology = technology
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "BespokeClassifier":
        """Train and search circuits for rows and choose one.

        Parameters
        ----------
        X : array-like or data frame, [rows, features]
            Finite numbers.
        y : array-like, [rows]
            Labels, of at least two classes.

        Returns
        -------
        BespokeClassifier
            Itself.

        Raises
        ------
        ValueError
            For anything else; `InputError` is a kind of it.
        """
        effort = effort_of(self.effort)
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        classes, labels = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise InputError("the rows have one class only: give rows of at least two classes")
        self.classes_ = classes
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        train, validation = _parts(labels, self.validation, seed)
        self.quantisers_ = self._fit_quantisers(X[train], labels[train], seed)
        codes = self._codes(X)
        names = getattr(self, "feature_names_in_", [f"x{k}" for k in range(X.shape[1])])
        self.development_ = Development(
            "estimator",
            tuple(str(name) for name in names),
            tuple(str(label) for label in classes),
            tuple(q.bits for q in self.quantisers_),
            Rows(codes[train], labels[train]),
            Rows(codes[validation], labels[validation]),
        )
        chosen = choose(
            self.family, self.development_, technology_of(self.technology or ()), effort, seed, self.tolerance
        )
        self.network_, self.method_, self.levels_, self.seed_ = chosen.network, chosen.method, chosen.levels, seed
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The label of every row.

        Parameters
        ----------
        X : array-like or data frame, [rows, features]
            As in `fit`.

        Returns
        -------
        numpy.ndarray
            Of `classes_`, [rows].
        """
        codes = self._read(X)
        labels = self.network_.predict(codes)
        # Gates may give a code that no class has; such an answer counts as the last class.
        predicted: NDArray[Any] = self.classes_[np.minimum(labels, len(self.classes_) - 1)]
        return predicted

    @available_if(_has_scores)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """The integer scores; `family="network"` alone has them.

        Parameters
        ----------
        X : array-like or data frame, [rows, features]
            As in `fit`.

        Returns
        -------
        numpy.ndarray
            float64 [rows, classes]; with two classes the second less the first, [rows].

        Raises
        ------
        InputError
            Where the network ends without scores.
        """
        codes = self._read(X)
        if not isinstance(self.network_.layers[-1], ArgMax):
            raise InputError("this network ends without scores: use family='network'")
        network = IntegerNetwork(self.network_.inputs, self.network_.layers[:-1], self.network_.classes)
        scores = network.predict(codes).astype(np.float64)
        found: NDArray[np.float64] = scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores
        return found

    def emit(self, folder: str | Path) -> tuple[dict[str, Any], ...]:
        """Write Verilog, mapped cells, Amaranth, C, numba and design.json into a new folder, and check them.

        Parameters
        ----------
        folder : str or Path
            Made by this; the door's `load` reads it.

        Returns
        -------
        tuple of dict
            One verdict for each route: "route", "subject", "vectors", "mismatches", "counter_example".

        Raises
        ------
        InputError
            Where the folder exists.
        inkling.approx.programs.process.ToolError
            Where a tool is missing.
        """
        check_is_fitted(self)
        folder = Path(folder)
        if folder.exists():
            raise InputError(f"{folder} exists: name a folder that does not")
        return self._built(folder).verdicts

    def verify(self) -> tuple[dict[str, Any], ...]:
        """Check every emitted text against `network_` by all routes, without leaving files.

        Returns
        -------
        tuple of dict
            One verdict for each route; "mismatches" should be 0.

        Raises
        ------
        inkling.approx.programs.process.ToolError
            Where a tool is missing.
        """
        check_is_fitted(self)
        with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
            return self._built(Path(folder) / "design").verdicts

    def cost(self) -> dict[str, Any]:
        """What the circuit costs in the technology's cells.

        Returns
        -------
        dict
            "area_cm2"; "static_power_mw" and "delay_ms" by supply voltage; "gates"; "cells", their numbers by name.

        Raises
        ------
        inkling.approx.programs.process.ToolError
            Where a tool is missing or runs past its limit.
        """
        check_is_fitted(self)
        found = self._built(None).cost
        return {
            "area_cm2": found.area_cm2,
            "static_power_mw": dict(found.static_power_mw),
            "delay_ms": dict(found.delay_ms),
            "gates": found.gates,
            "cells": dict(found.cells),
        }

    def report(self, folder: str | Path, X: Any, y: Any) -> Path:
        """Write report.json, report.html and the design into a run folder.

        Parameters
        ----------
        folder : str or Path
            The run folder; an earlier one there is replaced.
        X : array-like or data frame, [rows, features]
            Rows that `fit` never saw, to be scored on.
        y : array-like, [rows]
            Their labels.

        Returns
        -------
        Path
            Of report.html.

        Raises
        ------
        InputError
            Where rows lack a label, or have one that `fit` has not seen.
        """
        from inkling.runs.folder import run_folder
        from inkling.runs.outcome import report_on, write_run
        from inkling.runs.request import Request
        from inkling.train.tables.reading import Reading

        codes = self._read(X)
        place = np.searchsorted(self.classes_, np.asarray(y))
        known = np.minimum(place, len(self.classes_) - 1)
        if len(known) != len(codes) or not len(known) or (self.classes_[known] != np.asarray(y)).any():
            raise InputError("the rows to report on need a label each, of classes that fit has seen")
        development = self.development_
        dataset = Dataset(
            development.columns,
            development.classes,
            self.quantisers_,
            development,
            Rows(codes, known.astype(np.int64)),
            self.seed_,
            self._fingerprint(),
            (f"fitted by {type(self).__name__}; the test rows are those given to its report",),
        )
        reading = Reading("estimator", None, self.seed_, self.bits, self.ranges)
        request = Request(reading, None, effort_of(self.effort))
        with run_folder(Path(folder)) as fresh:
            built = self._built(fresh / "designs" / self.family)
            report = report_on(request, dataset, technology_of(self.technology or ()), (built,), ())
            words = f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in sorted(_plain(self).items()))})"
            write_run(request, dataset, replace(report, command=words), fresh)
        return Path(folder) / "report.html"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def _built(self, folder: Path | None) -> Built:
        rows = np.concatenate([self.development_.train.codes, self.development_.validation.codes])
        job = Job(
            self.family,
            self.method_,
            self.levels_,
            self.network_,
            self.development_.columns,
            self.development_.classes,
            self.quantisers_,
            rows,
            len(self.development_.train.labels),
            technology_of(self.technology or ()),
            effort_of(self.effort),
            self.seed_,
            self._fingerprint(),
            verified=folder is not None,
        )
        return build(job, folder)

    def _fingerprint(self) -> str:
        from inkling.train.tables.assemble import fingerprint
        from inkling.train.tables.split import Split

        parts = (self.development_.train, self.development_.validation)
        first, rest = len(parts[0].labels), len(parts[1].labels)
        split = Split(np.arange(first), np.arange(first, first + rest), np.zeros(0, np.int64))
        codes, labels = (np.concatenate([getattr(part, key) for part in parts]) for key in ("codes", "labels"))
        return fingerprint(self.development_.columns, self.development_.classes, codes, labels, split)

    def _check_parameters(self) -> None:
        check_bits(self.bits)
        if self.family not in FAMILIES:
            raise InputError(f"family {self.family!r} is not one of {', '.join(FAMILIES)}")
        if self.ranges not in RANGES:
            raise InputError(f"ranges {self.ranges!r} is not one of {', '.join(RANGES)}")
        if not 0 < self.validation < 1 or not 0 <= self.tolerance <= 1:
            raise InputError("validation must lie between 0 and 1, and tolerance within 0..1")

    def _fit_quantisers(
        self, values: NDArray[np.float64], labels: NDArray[np.int64], seed: int
    ) -> tuple[Quantiser, ...]:
        """One for every feature; where the range is empty or overflows, one around its first value."""
        low, high = values.min(axis=0), values.max(axis=0)
        with np.errstate(over="ignore"):
            usable = (low < high) & np.isfinite(high - low) & ((high - low) / 2**self.bits > 0)
        found = [
            fit(column, self.bits) if good else around(float(column[0]), self.bits)
            for column, good in zip(values.T, usable, strict=True)
        ]
        if self.ranges == "fitted" and usable.any():
            kept = np.flatnonzero(usable)
            # Trees compare in single precision, beyond which a range is kept as it is.
            kept = kept[np.abs(values[:, kept]).max(axis=0) < np.finfo(np.float32).max]
            better = fit_ranges(values[:, kept], labels, [found[k] for k in kept], seed=seed) if len(kept) else ()
            for k, quantiser in zip(kept, better, strict=True):
                found[k] = quantiser
        return tuple(found)

    def _codes(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        return np.stack([q.codes(column) for q, column in zip(self.quantisers_, values.T, strict=True)], axis=1)

    def _read(self, X: Any) -> NDArray[np.uint8]:
        check_is_fitted(self)
        return self._codes(validate_data(self, X, dtype=np.float64, reset=False))


def _plain(estimator: BespokeClassifier) -> dict[str, Any]:
    found: dict[str, Any] = estimator.get_params(deep=False)
    effort = found["effort"]
    return found | {"effort": effort.name if isinstance(effort, Effort) else effort}


def _parts(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that train and rows that choose, stratified; where a class has too few rows, all rows do both."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(labels))
    counts = np.bincount(labels)
    chosen = int(np.ceil(share * len(labels)))
    if counts.min() < 2 or chosen < len(counts) or len(labels) - chosen < len(counts):
        return rows, rows
    train, validation = train_test_split(rows, test_size=chosen, stratify=labels, random_state=seed)
    return np.sort(train), np.sort(validation)
