import io
import re
from types import SimpleNamespace

from rich.console import Console

from inkling.reports.results.report import Report
from inkling.reports.terminal.run import show


def shown(report: Report, *, terminal: bool, width: int = 140) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=terminal,
        width=width if terminal else 40,
        color_system="standard" if terminal else None,
    )
    show(report, console)
    return file.getvalue()


def test_plain_text_has_one_line_per_point_by_area_and_a_summary(examples: SimpleNamespace) -> None:
    lines = shown(examples.report(), terminal=False).splitlines()
    names = ["net-0", "tree-4", "net-1", "net-2", "tree-16", "tree-64", "logistic-4b"]
    assert [re.findall(r"net-\d|tree-\d+|logistic-4b", line)[0] for line in lines[1:-2]] == names
    assert lines[-1].startswith("valves: 90.0") and "4 times smaller" in lines[-1]
    assert all(ord(c) < 128 or c in "…²\xa0" for c in "".join(lines))
    assert lines[-2].startswith("* on the front")
    starred = [name for name, line in zip(names, lines[1:], strict=False) if line.startswith("*")]
    assert starred == names[:-1]


def test_unverified_designs_say_no(examples: SimpleNamespace) -> None:
    text = shown(examples.report(points=(examples.point("net-0", 0.8, 0.125, verified=False),)), terminal=False)
    assert re.search(r"net-0 .* no$", text, re.M)
    assert text.splitlines()[-1].startswith("valves: No result")


def test_a_terminal_gets_a_styled_table(examples: SimpleNamespace) -> None:
    text = shown(examples.report(), terminal=True)
    assert "\x1b[" in text and "---" in text
    assert "net-2" in text and "4.0x" in text


def test_names_cannot_style_or_steer_the_terminal(examples: SimpleNamespace) -> None:
    for terminal in (False, True):
        text = shown(examples.hostile(), terminal=terminal)
        bare = re.sub(r"\x1b\[[\d;]*m", "", text)
        assert not {"\x07", "\x1b", "\u202e"} & set(bare)
        # Rich would have swallowed the markup.
        assert "[red]" in bare


def test_a_design_without_a_gate_is_infinitely_smaller(examples: SimpleNamespace) -> None:
    points = (examples.point("net-0", 0.5, 0.0),)
    for terminal in (False, True):
        assert "∞x" in shown(examples.report(points=points), terminal=terminal)


def test_on_eighty_columns_names_are_whole_and_figures_are_never_cut(examples: SimpleNamespace) -> None:
    figures = {"area_cm2": 0.006_123, "static_power_mw": {"0.6": 0.003_25}, "delay_ms": {"0.6": 12_345.0}}
    long = "a name of a design that is longer than what is left"
    points = (examples.point("power-of-two-masked", 1.0, 0.5, **figures), examples.point(long, 0.91, 1.0))
    report = examples.report(points=points)
    bare = re.sub(r"\x1b\[[\d;]*m", "", shown(report, terminal=True, width=80))
    *lines, headline = bare.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in bare and "power-of-two-masked" in bare
    for figure in ("0.00612", "100.00", "0.00325"):
        assert figure in bare
    # The long name goes on in the lines below, whole.
    start = next(k for k, line in enumerate(lines) if "a name of" in line)
    left = lines[start].index("a name of")
    words = " ".join(line[left:].split("  ")[0] for line in lines[start : start + 4])
    assert long in words
    assert "Left out for lack of room:" in bare and "method" in bare
    assert "* on the front" in bare and headline.startswith("valves: ")


def test_whole_nodes_are_told_with_their_logic_beside(examples: SimpleNamespace) -> None:
    lines = shown(examples.nodes(), terminal=False).splitlines()
    assert "node" in lines[0] and "logic" in lines[0]
    (line,) = [line for line in lines if re.match(r"\*? *net-1", line)]
    assert "0.625" in line and "0.500" in line and "0.750" in line
    assert lines[-1].endswith("Whole nodes are counted.")
