import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from inkling.reports.page import plot, series
from inkling.reports.page.classifier import page, write
from inkling.reports.page.label_placement import Box, Label, place
from inkling.reports.results.published import published
from inkling.reports.results.report import Report

VOID = {"meta", "link", "br", "line", "path", "rect", "circle", "img", "input"}


class Page(HTMLParser):
    """Elements with their attributes, text, and the JSON element; fails where tags are not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.data = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script" and dict(self.elements[-1][1]).get("id") == "report":
            self.data = data
        elif self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)


def all_reports(examples: SimpleNamespace) -> list[Report]:
    base = examples.report()
    failed = examples.verdict("c", mismatches=2, counter_example={"flow": 3})
    return [
        base,
        examples.hostile(),
        examples.report(points=(), rivals=(), verdicts={}),
        examples.report(points=(examples.point("wire", 0.75, 0.0),), rivals=()),
        examples.report(points=(examples.point("a", 1.0, 1.0, static_power_mw={}, delay_ms={}),)),
        examples.report(points=(examples.point("bad", 0.9, 1.0, verified=False),), verdicts={"bad": (failed,)}),
        examples.report(dataset="pendigits", rows={"train": 5496, "validation": 2748, "test": 2748}),
        examples.report(rows={"train": 0, "validation": 0, "test": 0}, majority_rate=0.0),
        examples.nodes(),
        examples.nodes(examples.HOSTILE),
    ]


def test_every_page_is_balanced_and_its_links_lead_somewhere(examples: SimpleNamespace) -> None:
    for report in all_reports(examples):
        parsed = Page(page(report))
        ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
        assert len(set(ids)) == len(ids)
        for tag, attrs in parsed.elements:
            href = attrs.get("href") or ""
            if tag == "a":
                assert href.startswith("#") and href[1:] in ids
            if "aria-labelledby" in attrs:
                assert attrs["aria-labelledby"] in ids


def test_nothing_is_loaded_and_nothing_foreign_may_run(examples: SimpleNamespace) -> None:
    for report in all_reports(examples):
        text = page(report)
        parsed = Page(text)
        tags = Counter(tag for tag, _ in parsed.elements)
        kinds = Counter(attrs.get("type") for tag, attrs in parsed.elements if tag == "script")
        assert kinds == {"application/json": 1, None: 2}
        assert tags["style"] == 1 and not tags["img"] and not tags["iframe"]
        for tag, attrs in parsed.elements:
            assert not {"src", "srcset", "style"} & set(attrs), tag
            assert not [name for name in attrs if name.startswith("on")]
            assert (attrs.get("href") or "#").startswith(("#", "data:,")), tag
        style = text[text.index("<style>") : text.index("</style>")]
        assert "@import" not in style and "url(" not in style
        policy = next(attrs["content"] for tag, attrs in parsed.elements if "http-equiv" in attrs) or ""
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_hostile_names_are_shown_as_they_are_and_never_as_markup(examples: SimpleNamespace) -> None:
    report = examples.hostile()
    text = page(report)
    assert "<script>alert" not in text and "<img" not in text and "\u202e" not in text and "\x07" not in text
    assert text.count("</script>") == 3
    parsed = Page(text)
    shown = examples.HOSTILE.replace("\u202e", "\ufffd").replace("\x07", "\ufffd")
    assert parsed.texts.count(shown) >= 3
    assert json.loads(parsed.data) == json.loads(json.dumps(report.to_json()))


def test_a_lone_surrogate_and_a_newline_in_a_name_do_no_harm(examples: SimpleNamespace, tmp_path: Path) -> None:
    write(examples.report(dataset="a\udcffb\nc"), tmp_path)
    assert "<h1>a\ufffdb c</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_says_what_the_report_holds(examples: SimpleNamespace) -> None:
    text = " ".join(Page(page(examples.report())).texts)
    for expected in (
        "4 times smaller",
        "majority class 50.0",
        "inkling run valves.csv --seed 7",
        "column 'id' dropped: constant",
        "3 of 3 designs agree",
        "torch 2.13.0",
        "4: flow",
        "harvester",
        "250 for test",
        "proven",
    ):
        assert expected in text, expected


def test_a_failed_check_stands_out_with_its_counter_example(examples: SimpleNamespace) -> None:
    failed = examples.verdict("c", mismatches=2, counter_example={"flow": 3, "expected": 1})
    points = (examples.point("bad", 0.9, 1.0, verified=False),)
    parsed = Page(page(examples.report(points=points, verdicts={"bad": (failed,)})))
    text = " ".join(parsed.texts)
    assert "2 wrong of 1,000" in text and "flow = 3, expected = 1" in text and "0 of 1 designs agree" in text
    assert any(tag == "details" and "open" in attrs for tag, attrs in parsed.elements)


def test_a_proof_that_ran_out_of_time_gets_no_tick(examples: SimpleNamespace) -> None:
    late = examples.verdict("proof", vectors=0, detail="not proven in 60 s")
    text = page(examples.report(verdicts={"net-0": (late,)}))
    assert "<td><small>undecided</small></td>" in text and "✓</span> <small" not in text
    assert "not proven in 60 s" in text


def test_published_designs_stand_in_the_picture_and_in_the_references(examples: SimpleNamespace) -> None:
    text = page(examples.report(dataset="pendigits", rows={"train": 5496, "validation": 2748, "test": 2748}))
    assert "Published, DATE24" in text and "Discrete Genetic-based Training" in text
    assert "Published" not in page(examples.report())


def test_the_picture_has_a_mark_for_every_point_near_the_designs(examples: SimpleNamespace) -> None:
    crude = examples.tree(2, 0.2, 0.05)
    base = examples.report()
    report = examples.report(rivals=(*base.rivals, crude), majority_rate=0.78)
    drawn = plot.draw(
        series.of_report(report, published("cardio", 2126)), series.COSTS[0], "test", 0.78, "wide", 800, 400
    )
    assert {item.mark.row for item in drawn.marks} == {"", "p0", "p1", "p2", "r0", "r1", "r2", "r3"}
    assert sum(item.style == "published" for item in drawn.marks) == 5
    assert all(0 <= item.x <= 800 and 0 <= item.y <= 400 for item in drawn.marks)
    text = page(report)
    assert '<line class="majority"' in text and "1 crude points" in text


def test_no_axis_of_accuracy_goes_beyond_all_rows(examples: SimpleNamespace) -> None:
    report = examples.report(points=(examples.point("a", 1.0, 1.0), examples.point("b", 0.9, 0.5)))
    picture = plot.picture("x", series.of_report(report, ()), 0.5)
    assert picture is not None
    for view in picture.views:
        for drawn in view.plots:
            assert drawn.frame.accuracy[1] == 1.0
            assert max(float(tick.text) for tick in drawn.accuracy_ticks) == 100
            # The mark on the edge is inside the drawing, and so is its label.
            assert min(item.y for item in drawn.marks) >= 20 and min(label.y for label in drawn.labels) >= 15


def test_a_majority_rate_far_below_is_said_and_not_drawn(examples: SimpleNamespace) -> None:
    svg = page(examples.report(majority_rate=0.1))
    assert '<line class="majority"' not in svg and "majority class 10.0\xa0% ↓" in svg


@given(st.floats(-5, 3), st.floats(0.2, 6), st.floats(200, 1200))
def test_ticks_of_cost_are_within_the_axis_and_some_are_labelled(low: float, span: float, width: float) -> None:
    ticks = plot.cost_ticks(low, low + span, width)
    assert all(10**low * (1 - 1e-9) <= value <= 10 ** (low + span) * (1 + 1e-9) for value, _ in ticks)
    assert span < 1 or any(labelled for _, labelled in ticks)


@given(st.floats(0, 0.95), st.floats(0.008, 1))
def test_accuracy_ticks_are_few_and_within_the_axis(low: float, span: float) -> None:
    ticks = plot.accuracy_ticks(low, low + span)
    assert 1 <= sum(not minor for _, minor in ticks) <= 11 and len(ticks) <= 60
    assert all(low - 1e-6 <= tick <= min(low + span, 1.0) + 1e-6 for tick, _ in ticks)


places = st.tuples(st.floats(0, 300), st.floats(0, 200), st.booleans())


@given(st.lists(places, max_size=15))
def test_labels_overlap_neither_each_other_nor_marks(marks: list[tuple[float, float, bool]]) -> None:
    labels = [Label(x, y, f"net-{i}", "design", (i,), above) for i, (x, y, above) in enumerate(marks)]
    taken = [Box(x - 6, y - 6, x + 6, y + 6) for x, y, _ in marks]
    placed = place(labels, taken, [], Box(0, 0, 300, 200))
    boxes = []
    for label, x, y, anchor in placed:
        width = 7.2 * len(label.text)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        boxes.append(Box(left, y - 10, left + width, y + 3))
    for i, box in enumerate(boxes):
        assert box.within(Box(0, 0, 300, 200))
        assert not any(box.overlaps(other) for other in (*boxes[:i], *taken))


def test_a_report_of_nodes_is_told_by_whole_nodes_and_by_circuits(examples: SimpleNamespace) -> None:
    report = examples.nodes()
    parsed = Page(page(report))
    scopes = [attrs["data-scope"] for _, attrs in parsed.elements if "data-scope" in attrs]
    assert set(scopes) == {"node", "circuit"}
    radios = [attrs for tag, attrs in parsed.elements if tag == "input" and attrs.get("name") == "scope"]
    assert [(a["id"], "checked" in a) for a in radios] == [("scope-node", True), ("scope-circuit", False)]
    text = " ".join(parsed.texts)
    # By whole nodes net-1 is larger than by its circuit alone, and the headline says so first.
    assert text.index("0.625\N{NO-BREAK SPACE}cm²") < text.index("0.500\N{NO-BREAK SPACE}cm²")
    for words in ("Bill of parts", "comparator", "ladder", "95 of 100 nodes reach", "81.5\N{NO-BREAK SPACE}%"):
        assert words in text
    ticks = [attrs for _, attrs in parsed.elements if attrs.get("class") == "comparator"]
    assert len(ticks) == 3 * 2  # of each of two circuits that have inputs told
    assert "flow ≥ 2.375" in text


def test_a_report_without_converters_has_no_switch(examples: SimpleNamespace) -> None:
    parsed = Page(page(examples.report()))
    assert not [attrs for _, attrs in parsed.elements if attrs.get("name") == "scope"]
    assert {attrs["data-scope"] for _, attrs in parsed.elements if "data-scope" in attrs} == {"circuit"}


def test_too_many_sensors_are_not_drawn() -> None:
    from inkling.reports.page.node import MOST_SENSORS, draw
    from inkling.reports.results.circuit import UsedInput

    inputs = [UsedInput(f"c{k}", f"c{k}_ge_1", 1, (0,), 0.0, 1.0, 0.5) for k in range(MOST_SENSORS + 1)]
    assert draw(inputs, 3, ()) is None
    drawn = draw(inputs[:2], 3, ("a",))
    assert drawn is not None and [s.count for s in drawn.sensors] == ["1", "1"]
