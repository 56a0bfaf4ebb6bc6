"""The page in a real browser: nothing is loaded, nothing complains, and what can be done with it works.

Needs the system's Chromium and the package playwright, which drives it; skipped where either is missing.
"""

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.reports.page.classifier import page
from inkling.reports.page.compare import page as compare_page
from inkling.reports.results.report import Report

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
if not CHROMIUM:
    pytest.skip("needs chromium, which is not installed", allow_module_level=True)

PHONE, DESKTOP = (390, 844), (1280, 900)
# Where a point's mark stands on the screen, by its key, in the drawing that is in sight.
PLACE = """key => {
  const seen = [...document.querySelectorAll(`.views a.mark[data-row="${key}"]`)].filter((m) => m.checkVisibility());
  const box = seen[0].getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
}"""
MARKS = "[...document.querySelectorAll('.views .mark')].filter((m) => m.checkVisibility()).length"
WIDTHS = "[document.scrollingElement.scrollWidth, innerWidth]"
SEEN = """() => [...document.querySelectorAll("article.circuit")].filter((a) => a.offsetHeight)
  .map((a) => a.dataset.circuit)"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll("main p, main td, main li")]
  .filter((e) => e.offsetHeight).map((e) => parseFloat(getComputedStyle(e).fontSize)))"""
TOO_WIDE = """() => {
  const line = Object.assign(document.createElement("p"), { textContent: "x".repeat(400) });
  Object.assign(line.style, { whiteSpace: "pre", overflowWrap: "normal", maxWidth: "none" });
  document.querySelector("main").append(line);
}"""


@dataclass
class Opened:
    """A page with what it complained about and asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def pixels(self, **options: Any) -> NDArray[np.float64]:
        """A screenshot as float64 [height, width, 3]."""
        from PIL import Image

        return np.asarray(Image.open(io.BytesIO(self.page.screenshot(**options))).convert("RGB"), np.float64)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@contextmanager
def opened(
    browser: Any, text: str, folder: Path, size: tuple[int, int] = DESKTOP, *, ready: bool = True, **options: Any
) -> Iterator[Opened]:
    """The page in a context of its own, once its picture is live."""
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    # Without motion: a click aims at a place that a page which still scrolls has left.
    settings = {"accept_downloads": True, "reduced_motion": "reduce", **options}
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **settings)
    shown = Opened(context.new_page())
    shown.page.on("console", lambda message: shown.complaints.append(message.text))
    shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
    shown.page.on("request", lambda request: shown.requests.append(request.url))
    shown.page.goto(path.as_uri())
    if ready:
        shown.page.wait_for_selector("figure.picture[data-ready=yes]", timeout=60_000)
    try:
        yield shown
    finally:
        context.close()


@pytest.fixture(scope="module")
def report(examples: SimpleNamespace) -> Report:
    found: Report = examples.report()
    return found


@pytest.fixture(scope="module")
def shown(browser: Any, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The usual report on a desktop, shared by tests that leave it as it was."""
    with opened(browser, page(report, {"net-1": b"PK archive"}), tmp_path_factory.mktemp("page")) as found:
        yield found


def test_nothing_is_asked_from_anywhere_and_nothing_complains(shown: Opened) -> None:
    assert shown.complaints == []
    assert [url for url in shown.requests if not url.startswith("file:")] == []
    assert len(shown.requests) == 1
    assert shown.page.evaluate(MARKS) == 7


def test_hovering_over_a_point_tells_its_figures(shown: Opened) -> None:
    shown.page.evaluate("scrollTo(0, 0)")
    shown.page.locator(".views").scroll_into_view_if_needed()
    x, y = shown.page.evaluate(PLACE, "r0")
    shown.page.mouse.move(x - 40, y - 40)
    shown.page.mouse.move(x, y, steps=4)
    hover = shown.page.locator(".tip")
    hover.wait_for()
    told = hover.text_content()
    assert (
        "tree-4" in told
        and "75.00" in told
        and "0.250" in told
        and "harvester" not in told
        and "3 mW battery" in told
    )
    assert shown.complaints == []


def test_a_picked_point_shows_its_circuit(shown: Opened) -> None:
    """By the picture, by the chooser, by its neighbours and by the table."""
    first = shown.page.evaluate(SEEN)
    assert first == ["p2"] and shown.page.locator("#pick").input_value() == "p2"
    shown.page.locator(".views").scroll_into_view_if_needed()
    shown.page.mouse.click(*shown.page.evaluate(PLACE, "p0"))
    assert shown.page.evaluate(SEEN) == ["p0"]
    text = shown.page.locator("#c-p0").inner_text()
    for expected in (
        "120",
        "96.0",
        "NAND2X1",
        "sums of layer 1",
        "flow",
        "2 of 4",
        "worst fault",
        "proven for every input",
    ):
        assert expected in text, expected
    assert shown.page.locator("#c-p0 svg.schematic .gate").count() == 3
    assert shown.page.locator("#smaller").is_disabled()
    shown.page.click("#larger")
    assert shown.page.evaluate(SEEN) == ["p1"]
    shown.page.select_option("#pick", "r1")
    assert shown.page.evaluate(SEEN) == ["r1"]
    shown.page.click("tr[data-row=p2] a.open")
    assert shown.page.evaluate(SEEN) == ["p2"]
    assert shown.complaints == []


def test_cost_and_accuracy_can_be_exchanged_and_power_shows_its_sources(shown: Opened) -> None:
    def seen() -> str:
        return str(shown.page.locator(".views").inner_text())

    assert "area, cm²" in seen() and "↑ test accuracy" in seen()
    shown.page.check("input[value='1.0']", force=True)
    assert "static power at 1.0 V" in seen() and "area, cm²" not in seen()
    assert "3 mW battery" in seen() and "majority class 50.0" in seen()
    shown.page.check("input[value=balanced]", force=True)
    assert "↑ balanced accuracy" in seen() and "majority class" not in seen()
    shown.page.check("input[value=area]", force=True)
    shown.page.check("input[value=test]", force=True)
    assert "area, cm²" in seen() and shown.complaints == []


def test_a_part_of_the_picture_can_be_enlarged(shown: Opened) -> None:
    """What is dragged over fills the frame; strokes and marks keep their size; the whole comes back."""
    shown.page.locator(".views").scroll_into_view_if_needed()
    (x, y), (a, b) = (shown.page.evaluate(PLACE, key) for key in ("p0", "p1"))
    size = "document.querySelector('.views a.mark[data-row=p1] circle + circle').getBoundingClientRect().width"
    before = shown.page.evaluate(size)
    shown.page.mouse.move(a - 30, b - 30)
    shown.page.mouse.down()
    shown.page.mouse.move(a + 60, b + 60, steps=4)
    shown.page.mouse.up()
    frame = shown.page.locator("svg.plot.wide:visible").bounding_box()
    at = shown.page.evaluate(PLACE, "p1")
    assert frame["x"] + 0.2 * frame["width"] < at[0] < frame["x"] + 0.6 * frame["width"]
    assert shown.page.evaluate(size) == pytest.approx(before) and before > 8
    labels = shown.page.locator("svg.plot.wide:visible .tick.x:visible text").all_text_contents()
    assert "0.1" not in labels and "0.6" in labels
    shown.page.click("button.whole")
    assert shown.page.evaluate(PLACE, "p0") == [x, y] and shown.complaints == []


def test_report_and_design_can_be_taken_away(shown: Opened, report: Report) -> None:
    with shown.page.expect_download() as found:
        shown.page.click("footer button.download")
    assert found.value.suggested_filename == "report.json"
    assert json.loads(Path(found.value.path()).read_text()) == json.loads(json.dumps(report.to_json()))
    shown.page.select_option("#pick", "p1")
    with shown.page.expect_download() as found:
        shown.page.click("#c-p1 button.download")
    assert found.value.suggested_filename == "net-1.zip" and Path(found.value.path()).read_bytes() == b"PK archive"
    shown.page.select_option("#pick", "p2")
    assert shown.page.locator("#c-p2 button.download").count() == 0


def test_hostile_names_are_shown_and_do_nothing(browser: Any, examples: SimpleNamespace, tmp_path: Path) -> None:
    archive = {point.name: b"PK" for point in examples.hostile().points}
    with opened(browser, page(examples.hostile(), archive), tmp_path) as found:
        title = found.page.title()
        found.page.locator(".views").scroll_into_view_if_needed()
        found.page.mouse.move(*found.page.evaluate(PLACE, "p2"))
        found.page.locator(".tip").wait_for()
        assert "<script>alert(1)" in found.page.locator(".tip").text_content()
        assert found.complaints == [] and len(found.requests) == 1
        assert found.page.locator("main img").count() == found.page.locator("main script").count() == 0
        assert "<script>alert(1)" in found.page.locator("h1").inner_text() and title.startswith("<script>")
        assert found.page.evaluate(WIDTHS)[0] <= DESKTOP[0]


def test_a_planted_script_and_a_planted_style_are_refused(browser: Any, report: Report, tmp_path: Path) -> None:
    planted = (
        "<main><script>document.title = 'planted'</script><p style='color: red'>x</p><img src='https://x.example/'>"
    )
    with opened(browser, page(report).replace("<main>", planted, 1), tmp_path) as found:
        assert found.page.title() != "planted"
        assert sum("Content Security Policy" in text for text in found.complaints) == 3


@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_a_phone_shows_it_whole(browser: Any, examples: SimpleNamespace, tmp_path: Path, which: str) -> None:
    text = page(examples.report() if which == "usual" else examples.hostile())
    with opened(browser, text, tmp_path, PHONE, has_touch=True, is_mobile=True) as found:
        wide, there = found.page.evaluate(WIDTHS)
        assert there == PHONE[0] and wide <= there
        assert found.page.locator(".views").bounding_box()["width"] <= PHONE[0]
        assert found.page.evaluate(SMALLEST) >= 12.5
        shot = found.pixels()
        assert shot.shape[1] == PHONE[0] and shot.std() > 10 and shot.mean() > 200
        # The check of the width can fail.
        found.page.evaluate(TOO_WIDE)
        assert found.page.evaluate(WIDTHS)[0] > PHONE[0]


def test_a_dark_page_is_dark_and_readable(browser: Any, report: Report, tmp_path: Path) -> None:
    with opened(browser, page(report), tmp_path, color_scheme="dark") as found:
        shot = found.pixels()
        assert shot.mean() < 60 and shot.std() > 10
        assert contrast(found.page, ".lead") > 7 and contrast(found.page, ".note") > 4.5
        title = "getComputedStyle(document.querySelector('.plot .name')).fill"
        assert luminance(rgb(found.page.evaluate(title))) > 0.2
        found.page.emulate_media(color_scheme="light")
        assert luminance(rgb(found.page.evaluate(title))) < 0.2
        assert found.pixels().mean() > 200
        assert contrast(found.page, ".lead") > 7 and contrast(found.page, ".note") > 4.5
        assert found.complaints == []


def test_print_has_the_static_picture_and_no_controls(browser: Any, report: Report, tmp_path: Path) -> None:
    with opened(browser, page(report), tmp_path, color_scheme="dark") as found:
        found.page.emulate_media(media="print")
        for selector in (".tip", ".controls", ".chooser", "button", ".plot.narrow"):
            assert not found.page.locator(selector).first.is_visible(), selector
        assert found.page.locator(".plot.wide").first.is_visible() and found.page.evaluate(SEEN) == ["p2"]
        assert found.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert found.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_several_runs_share_a_picture(browser: Any, examples: SimpleNamespace, tmp_path: Path) -> None:
    runs = [("runs/a", examples.report()), ("runs/b", examples.report(points=(examples.point("x", 0.88, 0.25),))),
            ("runs/c", examples.hostile())]  # fmt: skip
    with opened(browser, compare_page(runs, ["the runs differ in rows"]), tmp_path, PHONE) as found:
        assert found.complaints == [] and len(found.requests) == 1
        assert found.page.evaluate(MARKS) == 7
        wide, there = found.page.evaluate(WIDTHS)
        assert wide <= there and "the runs differ in rows" in found.page.locator("main").inner_text()
        assert found.page.locator("tbody tr").count() == 7


def test_without_scripts_everything_is_there(browser: Any, report: Report, tmp_path: Path) -> None:
    with opened(browser, page(report), tmp_path, ready=False, java_script_enabled=False) as found:
        assert found.page.locator(".plot.wide:visible").count() == 1
        assert found.page.evaluate(MARKS) == 7
        assert found.page.locator("article.circuit:visible").count() == len(report.points) + len(report.rivals)
        assert not found.page.locator(".chooser").is_visible()


def test_a_report_of_nothing_is_a_page_all_the_same(browser: Any, examples: SimpleNamespace, tmp_path: Path) -> None:
    empty = examples.report(points=(), rivals=(), verdicts={}, circuits={})
    with opened(browser, page(empty), tmp_path, ready=False) as found:
        assert found.complaints == [] and "no design was produced" in found.page.locator("main").inner_text()


def rgb(text: str) -> tuple[float, float, float]:
    numbers = [float(part) for part in text[text.index("(") + 1 : text.index(")")].split(",")]
    return numbers[0], numbers[1], numbers[2]


def luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance, 0..1, of WCAG 2."""
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(shown: Any, selector: str) -> float:
    """The contrast ratio of WCAG 2 of an element's text on the page."""
    ink = shown.evaluate("s => getComputedStyle(document.querySelector(s)).color", selector)
    paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    light, dark = sorted((luminance(rgb(ink)), luminance(rgb(paper))), reverse=True)
    return (light + 0.05) / (dark + 0.05)
