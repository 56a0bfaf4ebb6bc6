"""The report of an imported regression out of a built design and what it and its float model answer.

How it is written and read is `inkling.reports.results.regression`'s, its page `inkling.reports.page.regression`'s.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inkling.reports.results.regression import Errors, RegressionReport
from inkling.runs.design import Built
from inkling.sim.verdicts.verdict import Outcome

Floats = NDArray[np.float64]


def errors(truth: Floats, floats: Floats, integers: Floats) -> Errors:
    """Of the float model and of its integers, on rows, float64 [rows] each."""
    spread = float(((truth - truth.mean()) ** 2).mean())
    squared = [float(((values - truth) ** 2).mean()) for values in (floats, integers)]
    of_floats, of_integers = ((mse**0.5, 1 - mse / spread if spread else 0.0) for mse in squared)
    return Errors(*of_floats, *of_integers)


def describe(
    built: Built,
    dataset: str,
    errors_of: Mapping[str, Errors],
    pairs: Sequence[tuple[float, float]],
    *,
    rows: Mapping[str, int],
    command: str,
    seed: int,
    notes: Sequence[str],
) -> RegressionReport:
    """errors_of and rows: by split; pairs: (truth, answer of the integers) of test rows."""
    return RegressionReport(
        dataset=dataset,
        name=built.job.name,
        errors=errors_of,
        area_cm2=built.cost.area_cm2,
        static_power_mw=built.cost.static_power_mw,
        delay_ms=built.cost.delay_ms,
        gates=built.cost.gates,
        inputs_used=len(built.network.inputs),
        input_bits_used=sum(item.bits for item in built.network.inputs),
        verified=built.outcome is Outcome.PASSED,
        undecided=built.outcome is Outcome.UNDECIDED,
        circuit=built.circuit,
        verdicts=tuple(built.verdicts),
        pairs=tuple(pairs),
        rows=rows,
        command=command,
        seed=seed,
        notes=tuple(notes),
    )
