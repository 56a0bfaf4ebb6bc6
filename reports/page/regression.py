"""The page of an imported regression: errors on every split, what the circuit is, and answers beside the truth.

Its words are `regression.html`; the figures are `inkling.reports.results.regression.RegressionReport`'s.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from inkling.reports.page import charts
from inkling.reports.page.checks import check
from inkling.reports.page.circuit import article
from inkling.reports.page.render import render
from inkling.reports.results.conclusion import area, figures, power_source
from inkling.reports.results.point import SPLITS
from inkling.reports.results.regression import RegressionReport
from inkling.train.files import atomic


def page(report: RegressionReport, archives: Mapping[str, bytes]) -> str:
    """HTML text. archives: the design as a ZIP file, by its name; texts may hold anything."""
    power = report.static_power_mw
    volts = "0.6" if "0.6" in power else next(iter(power), "")
    test = report.errors["test"]
    key = [
        ("R², test rows", f"{test.r2_integer:.4f}", "of the integers"),
        ("error, test rows", f"{test.rmse_integer:.4g}", f"floats {test.rmse_float:.4g} (root mean square)"),
        ("area", area(report.area_cm2), f"{report.gates:,} gates"),
        (f"static power, {volts} V", f"{figures(power.get(volts))} mW", power_source(power.get(volts))),
        ("verified", "yes" if report.verified else str(report.outcome), f"{len(report.verdicts)} checks"),
    ]
    packed = archives.get(report.name)
    return render(
        "regression.html",
        title=f"{report.dataset}: Inkling report",
        data={"report": report.to_json()},
        blobs={} if packed is None else {"zip-p0": packed},
        report=report,
        splits=SPLITS,
        key_figures=key,
        scatter=charts.scatter(report.pairs),
        circuit=article(
            report.name,
            "p0",
            report.circuit,
            area_cm2=report.area_cm2,
            power_mw=power,
            verified=report.verified,
            verdicts=report.verdicts,
            archive_bytes=None if packed is None else len(packed),
        ),
        check=check,
    )


def write(report: RegressionReport, folder: Path, archives: Mapping[str, bytes]) -> None:
    """report.json and report.html into a run folder."""
    text = page(report, archives)
    atomic.write(folder / "report.json", (json.dumps(report.to_json(), indent=1) + "\n").encode())
    atomic.write(folder / "report.html", text.encode())
