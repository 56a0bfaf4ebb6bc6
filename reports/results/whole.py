"""A report by whole nodes: every point with the area and power of converters and logic together."""

from dataclasses import replace

from inkling.reports.results.point import Point
from inkling.reports.results.report import Report


def as_nodes(report: Report) -> Report | None:
    """The report with every point's area and power those of its whole node; None where some are not known."""
    if not report.points or any(_power(point) is None for point in (*report.points, *report.rivals)):
        return None
    return replace(report, points=tuple(map(_as_node, report.points)), rivals=tuple(map(_as_node, report.rivals)))


def _as_node(point: Point) -> Point:
    area, power = point.node_area_cm2, _power(point)
    assert area is not None and power is not None
    return replace(point, area_cm2=area, static_power_mw=power)


def _power(point: Point) -> dict[str, float | None] | None:
    if point.node_power_mw is not None and point.converters_area_cm2 is not None:
        return dict(point.node_power_mw)
    if point.converters_area_cm2 is None or point.converters_power_mw is None:
        return None
    converters = point.converters_power_mw
    return {volts: None if mw is None else mw + converters for volts, mw in point.static_power_mw.items()}
