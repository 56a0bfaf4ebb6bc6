"""Measured areas in the arithmetic search: what is asked, what the front makes of it, and kill -9 with a resume."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.arithmetic import checkpoint as arithmetic_checkpoint
from inkling.approx.arithmetic.measure import Point, fingerprint, front, next_to_measure
from inkling.approx.arithmetic.search import Candidate, Settings, search
from inkling.approx.arithmetic.starts import Start
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import ClippedReLU, Dense, MaskedSum
from inkling.train.tables.dataset import Development
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load

pytestmark = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")

QUICK = Settings(teacher_rows=0, effort=2e6, measurements=8)
CORRECTED = replace(QUICK, correct_every=20)


def a_start(development: Development) -> Start:
    draw = np.random.default_rng(0)
    columns, classes, hidden = len(development.columns), len(development.classes), 3
    return Start(
        Dense(draw.integers(-7, 8, (hidden, columns)), draw.integers(-20, 20, hidden)),
        ClippedReLU((2, 1, 0), (3, 4, 2)),
        Dense(draw.integers(-7, 8, (classes, hidden)), draw.integers(-20, 20, classes)),
    )


def terms(network: IntegerNetwork) -> tuple[float, float]:
    """A stand-in for mapping: circuits cost what they have terms, and burn half as much."""
    count = sum(len(layer.output) for layer in network.layers if isinstance(layer, MaskedSum))
    return 0.001 * count, 0.0005 * count


def figures(found: tuple[Candidate, ...]) -> list[tuple[str, float, float, float]]:
    return [(fingerprint(c.network), c.area_cm2, c.power_mw, c.validation) for c in found]


@pytest.fixture(scope="module")
def iris() -> Development:
    return load(Reading("iris", seed=1)).development


def test_the_front_is_of_measured_candidates_that_were_each_asked_about_once(iris: Development) -> None:
    asked: list[str] = []

    def measure(network: IntegerNetwork) -> tuple[float, float]:
        asked.append(fingerprint(network))
        return terms(network)

    found = search(iris, moves=30000, settings=QUICK, starts=[a_start(iris)], measure=measure)
    assert 2 <= len(asked) <= QUICK.measurements and len(set(asked)) == len(asked)
    assert found and all(c.measured and (c.area_cm2, c.power_mw) == terms(c.network) for c in found)
    assert [c.area_cm2 for c in found] == sorted({c.area_cm2 for c in found})
    again = search(iris, moves=30000, settings=QUICK, starts=[a_start(iris)], measure=measure)
    assert figures(again) == figures(found)


def test_what_cannot_be_measured_leaves_estimates(iris: Development) -> None:
    found = search(iris, moves=20000, settings=QUICK, starts=[a_start(iris)], measure=lambda network: None)
    plain = search(iris, moves=20000, settings=QUICK, starts=[a_start(iris)])
    assert figures(found) == figures(plain) and not any(c.measured for c in found)


def test_measured_areas_correct_the_prices(iris: Development, tmp_path: Path) -> None:
    """Circuits that are far cheaper than estimated make the prices fall, and a checkpoint carries that."""
    starts = [a_start(iris)]
    path = tmp_path / "search.npz"
    found = search(iris, moves=20000, settings=CORRECTED, starts=starts, checkpoint=path, measure=terms)
    assert found and all(c.measured for c in found)
    state = arithmetic_checkpoint.load(path, arithmetic_checkpoint.fingerprint(iris, CORRECTED, 0, starts))
    assert state is not None and state.area_prices is not None and len(state.measured) > 2
    assert state.area_prices[-1] < 0.9 * CORRECTED.area_prices[-1]  # of bits of inputs, which every circuit has
    assert {item.area_cm2 for item in state.measured.values()} >= {c.area_cm2 for c in found}


def test_goals_are_measured_first() -> None:
    points = [Point(k, 0.1 * k, 0.5 + 0.01 * k) for k in range(1, 20)]
    first = next_to_measure(points, 0, 8, (0.55,))
    assert first is not None and 0.5 <= first.estimate <= 0.7
    # It came out too large: a smaller one is next.
    tried = [replace(p, price=2 * p.estimate) if p is first else p for p in points]
    second = next_to_measure(tried, 1, 8, (0.55,))
    assert second is not None and second.estimate < first.estimate


def test_measuring_ends_when_nothing_can_be_gained() -> None:
    points = [Point(1, 0.1, 0.9, price=0.1), Point(2, 0.5, 0.8), Point(3, 0.9, 0.7)]
    assert next_to_measure(points, 4, 8) is None
    assert front([*points, Point(4, 9.0, 0.95)])[-1].place == 4


SCRIPT = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from inkling.approx.arithmetic import search, checkpoint
from tests_start import a_start, CORRECTED, terms
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load
iris = load(Reading("iris", seed=1)).development
search.SAVE_EVERY_S = 0.0
print("begun", flush=True)
checkpoint = Path({checkpoint!r})
starts = [a_start(iris)]
search.search(iris, moves={moves}, settings=CORRECTED, starts=starts, checkpoint=checkpoint, measure=terms)
print("ended", flush=True)
"""


def test_killed_and_resumed_equals_undisturbed(iris: Development, tmp_path: Path) -> None:
    """SIGKILL at random moments, twice; what follows finds the same front as a search that nobody disturbed."""
    moves = 150_000
    shutil.copy(__file__, tmp_path / "tests_start.py")
    checkpoint = tmp_path / "search.npz"
    paths = [str(tmp_path), str(Path(__file__).resolve().parents[3])]
    text = SCRIPT.format(path=paths, moves=moves, checkpoint=str(checkpoint))
    killed = 0
    for delay in random.Random(os.urandom(8)).choices([0.05, 0.1, 0.2, 0.3, 0.4], k=2):
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
            limit = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < limit:
                if checkpoint.exists() and checkpoint.stat().st_mtime_ns != before:
                    break
                time.sleep(0.01)
            time.sleep(delay)
            killed += process.poll() is None
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    assert killed, "the search ended before it was killed: give it more moves"
    starts = [a_start(iris)]
    resumed = search(iris, moves=moves, settings=CORRECTED, starts=starts, checkpoint=checkpoint, measure=terms)
    assert figures(resumed) == figures(search(iris, moves=moves, settings=CORRECTED, starts=starts, measure=terms))
