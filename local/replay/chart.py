"""Line charts by block, as SVG without scripts; colours come from the page's style sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from shared.markup import Markup, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, HEIGHT = 940, 360
LEFT, TOP, RIGHT, BOTTOM = 66, 44, 895, 300
"""The plot's edges inside the picture; the legend is above it."""
TICKS = 7
"""At most so many blocks are named below the plot."""
LEGEND_WIDTH = 170

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One value for each block; None leaves a gap."""

    label: str
    style: str
    """The class that gives the line its colour and its dashes."""
    values: tuple[float | None, ...]
    marks: tuple[tuple[int, str], ...] = ()
    """Places that get a dot, and what the dot says."""


@dataclass(frozen=True)
class Chart:
    """What is drawn, and the words for who does not see it."""

    name: str
    title: str
    description: str
    x_label: str
    y_label: str
    ticks: tuple[str, ...]
    """What each block is called below the plot."""
    lines: tuple[Line, ...]
    reference: float | None = None
    """A value with a dashed line of its own."""

    def draw(self) -> Markup:
        """The picture."""
        return Markup(tostring(_Drawing(self).picture(), encoding="unicode"))


class _Drawing:
    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._blocks = len(chart.ticks)
        values = [value for line in chart.lines for value in line.values if value is not None]
        # In twentieths, so that the axis begins and ends at a labelled value.
        self._low = math.floor(min(values, default=0.0) * 20) / 20
        self._high = max(math.ceil(max(values, default=1.0) * 20) / 20, self._low + 0.05)

    def picture(self) -> Element:
        labels = f"{self._chart.name}-title {self._chart.name}-desc"
        view = f"0 0 {WIDTH} {HEIGHT}"
        picture = Element("svg", {"class": "picture", "viewBox": view, "role": "img", "aria-labelledby": labels})
        SubElement(picture, "title", {"id": f"{self._chart.name}-title"}).text = clean(self._chart.title)
        SubElement(picture, "desc", {"id": f"{self._chart.name}-desc"}).text = clean(self._chart.description)
        self._draw_axes(picture)
        # The first line is drawn last, on top, with the smallest dots: those of the others show round them.
        for place, line in reversed(list(enumerate(self._chart.lines))):
            self._draw_line(picture, line, str(4 + 2 * place))
            self._draw_legend(picture, line, LEFT + place * LEGEND_WIDTH)
        return picture

    def _x(self, place: int) -> float:
        share = place / (self._blocks - 1) if self._blocks > 1 else 0.5
        return round(LEFT + 12 + share * (RIGHT - LEFT - 24), 1)

    def _y(self, value: float) -> float:
        return round(BOTTOM - (value - self._low) / (self._high - self._low) * (BOTTOM - TOP), 1)

    def _draw_axes(self, picture: Element) -> None:
        step = 0.05 if self._high - self._low < 0.35 else 0.1  # else the labels would stand too close
        for number in range(round((self._high - self._low) / step + 0.25) + 1):
            value = self._low + number * step
            if value > self._high + 1e-9:
                break
            _horizontal(picture, "grid" if number else "axis", self._y(value))
            _text(picture, f"{value:.2f}", {"class": "tick end", "x": str(LEFT - 9), "y": f"{self._y(value) + 4:g}"})
        if self._chart.reference is not None and self._low <= self._chart.reference <= self._high:
            _horizontal(picture, "diagonal", self._y(self._chart.reference))
        for place in range(0, self._blocks, math.ceil(self._blocks / TICKS)):
            at = {"class": "tick middle", "x": str(self._x(place)), "y": str(BOTTOM + 20)}
            _text(picture, self._chart.ticks[place], at)
        middle = f"{(LEFT + RIGHT) / 2:g}"
        _text(picture, self._chart.x_label, {"class": "label middle", "x": middle, "y": str(HEIGHT - 12)})
        turned = f"translate(15 {(TOP + BOTTOM) / 2:g}) rotate(-90)"
        _text(picture, self._chart.y_label, {"class": "label middle", "transform": turned})

    def _draw_line(self, picture: Element, line: Line, radius: str) -> None:
        for run in _runs(line.values):
            points = [(self._x(place), self._y(value)) for place, value in run]
            if len(points) == 1:  # a line of one point is not seen
                points = [(points[0][0] - 2, points[0][1]), (points[0][0] + 2, points[0][1])]
            path = " ".join(f"{x:g},{y:g}" for x, y in points)
            SubElement(picture, "polyline", {"class": f"curve {line.style}", "points": path})
        for place, text in line.marks:
            value = line.values[place]
            # Where a block has no value of its own, its mark lies on the axis.
            at = {"cx": str(self._x(place)), "cy": str(BOTTOM if value is None else self._y(value)), "r": radius}
            dot = SubElement(picture, "circle", {"class": f"dot {line.style}", **at})
            SubElement(dot, "title").text = clean(text)

    def _draw_legend(self, picture: Element, line: Line, left: int) -> None:
        ends = {"x1": str(left), "x2": str(left + 34), "y1": "20", "y2": "20"}
        SubElement(picture, "line", {"class": f"curve {line.style}", **ends})
        _text(picture, line.label, {"class": "label", "x": str(left + 42), "y": "25"})


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Neighbouring blocks that have values, with their places."""
    run: list[tuple[int, float]] = []
    for place, value in enumerate((*values, None)):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []


def _horizontal(picture: Element, kind: str, y: float) -> None:
    SubElement(picture, "line", {"class": kind, "x1": str(LEFT), "x2": str(RIGHT), "y1": str(y), "y2": str(y)})


def _text(picture: Element, text: str, attributes: dict[str, str]) -> None:
    SubElement(picture, "text", attributes).text = clean(text)
