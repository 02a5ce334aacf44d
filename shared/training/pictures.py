"""The pictures of a model card, as SVG without scripts; colours come from the page's style sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from shared.training.figures import exact_percent, percent, share_found
from shared.training.markup import Markup, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 468, 430
LEFT, TOP, RIGHT, BOTTOM = 66, 18, 444, 366
"""The plot's edges inside the picture."""
SCALES = ((0.05, 5), (0.1, 5), (0.2, 4), (0.4, 4), (0.6, 3), (0.8, 4), (1.0, 5))
"""Where an axis may end, and in how many steps it is ticked."""
MARKED_SHARE = 0.1
NARROW = 0.6
"""Labels of marks beyond this share of the width stand to the left of them."""

HIGH = 0.5
"""A mark above this height has no room for its label to the right of the diagonal."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Plot:
    """A square of two axes that both run from 0 to ``top``."""

    top: float = 1.0
    steps: int = 5

    @classmethod
    def around(cls, points: Sequence[Point]) -> Plot:
        """The smallest scale that holds all points."""
        largest = max((value for point in points for value in point), default=1.0)
        return next((cls(top, steps) for top, steps in SCALES if largest <= top), cls())

    def x(self, value: float) -> float:
        """Left to right."""
        return round(LEFT + self._share(value) * (RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        """Bottom to top."""
        return round(BOTTOM - self._share(value) * (BOTTOM - TOP), 1)

    def path(self, points: Sequence[Point]) -> str:
        """The ``points`` of a polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)

    def _share(self, value: float) -> float:
        return min(max(value / self.top, 0.0), 1.0)


def gain_picture(gain: Sequence[Point], positive: str) -> Markup:
    """Which share of the positives the rows with the highest scores hold."""
    points, plot = _finite(gain), Plot()
    picture = _frame(plot, "gain", "share of rows, highest scores first", f"share of all “{positive}”")
    found = share_found(points, MARKED_SHARE)
    told = f" The first {percent(MARKED_SHARE)} of rows hold {percent(found)} of them." if found is not None else ""
    _describe(
        picture,
        "gain",
        "Gain curve",
        f"Rows are taken from the highest score down; the curve shows the share of all “{positive}” found so far, the "
        f"dashed diagonal what rows taken at random would find.{told}",
    )
    if points:
        area = [(points[0][0], 0.0), *points, (points[-1][0], 0.0)]
        SubElement(picture, "polygon", {"class": "area", "points": plot.path(area)})
    _diagonal(picture, plot, "at random")
    SubElement(picture, "polyline", {"class": "curve", "points": plot.path(points)})
    if found is not None:
        _mark(picture, plot, (MARKED_SHARE, found), f"{percent(MARKED_SHARE)} of rows: {percent(found)}")
    return Markup(tostring(picture, encoding="unicode"))


def calibration_picture(calibration: Sequence[tuple[float, float, int]], threshold: float, positive: str) -> Markup:
    """Predicted against observed, by tenths of the predictions."""
    tenths = [tenth for tenth in calibration if math.isfinite(tenth[0]) and math.isfinite(tenth[1])]
    points = [(predicted, observed) for predicted, observed, _ in tenths]
    plot = Plot.around(points)
    picture = _frame(plot, "calibration", "predicted probability, mean of a tenth", f"observed share of “{positive}”")
    told = "; ".join(f"{percent(predicted)} predicted, {percent(observed)} observed" for predicted, observed in points)
    _describe(
        picture,
        "calibration",
        "Calibration",
        f"Each dot is a tenth of the newest rows, by predicted probability. Dots on the dashed diagonal are exactly "
        f"right, above it the model says too little, below it too much. {told}.",
    )
    upper = [observed - predicted for predicted, observed in points if max(predicted, observed) > plot.top / 2]
    _diagonal(picture, plot, "exactly right", above=sum(upper) < 0)
    if threshold <= plot.top:
        _threshold(picture, plot, threshold)
    SubElement(picture, "polyline", {"class": "curve thin", "points": plot.path(points)})
    for (predicted, observed, rows), point in zip(tenths, points, strict=True):
        dot = _dot(picture, plot, point)
        SubElement(dot, "title").text = f"{percent(predicted)} predicted, {percent(observed)} observed, {rows:,} rows"
    return Markup(tostring(picture, encoding="unicode"))


def _frame(plot: Plot, name: str, x_label: str, y_label: str) -> Element:
    picture = Element(
        "svg",
        {
            "class": "picture",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
        },
    )
    for step in range(plot.steps + 1):
        value = plot.top * step / plot.steps
        x, y = str(plot.x(value)), str(plot.y(value))
        kind = "grid" if step else "axis"
        SubElement(picture, "line", {"class": kind, "x1": x, "y1": str(TOP), "x2": x, "y2": str(BOTTOM)})
        SubElement(picture, "line", {"class": kind, "x1": str(LEFT), "y1": y, "x2": str(RIGHT), "y2": y})
        _text(picture, percent(value), {"class": "tick middle", "x": x, "y": str(BOTTOM + 20)})
        _text(picture, percent(value), {"class": "tick end", "x": str(LEFT - 9), "y": str(plot.y(value) + 4)})
    middle = (TOP + BOTTOM) / 2
    _text(picture, x_label, {"class": "label middle", "x": str((LEFT + RIGHT) / 2), "y": str(HEIGHT - 14)})
    turned = {"class": "label middle", "transform": f"translate(15 {middle:g}) rotate(-90)"}
    _text(picture, y_label, turned)
    return picture


def _describe(picture: Element, name: str, title: str, description: str) -> None:
    """Name and words for who does not see the picture; SVG wants them in front."""
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = Element(tag, {"id": f"{name}-{tag}"})
        element.text = clean(text)
        picture.insert(place, element)


def _diagonal(picture: Element, plot: Plot, label: str, *, above: bool = False) -> None:
    """The dashed line and its label, ``above`` it where the curve runs below."""
    ends = {"x1": str(LEFT), "y1": str(BOTTOM), "x2": str(RIGHT), "y2": str(TOP)}
    SubElement(picture, "line", {"class": "diagonal", **ends})
    x, y = plot.x(0.78 * plot.top), plot.y(0.78 * plot.top) + (-13 if above else 25)
    angle = -math.degrees(math.atan2(BOTTOM - TOP, RIGHT - LEFT))
    _text(picture, label, {"class": "note middle", "transform": f"translate({x:g} {y:g}) rotate({angle:.1f})"})


def _threshold(picture: Element, plot: Plot, threshold: float) -> None:
    x = plot.x(threshold)
    SubElement(picture, "line", {"class": "threshold", "x1": str(x), "y1": str(TOP), "x2": str(x), "y2": str(BOTTOM)})
    left = threshold > NARROW * plot.top
    place = {"class": "warn end" if left else "warn", "x": f"{x - 7 if left else x + 7:g}", "y": str(TOP + 14)}
    _text(picture, f"threshold {exact_percent(threshold)}", place)


def _dot(picture: Element, plot: Plot, point: Point) -> Element:
    x, y = plot.x(point[0]), plot.y(point[1])
    return SubElement(picture, "circle", {"class": "dot", "cx": str(x), "cy": str(y), "r": "5"})


def _mark(picture: Element, plot: Plot, point: Point, label: str) -> None:
    """A dot and its label, which stands clear of curve and diagonal: right of both where there is room."""
    beside = plot.x(max(point) + 0.05 if max(point) < HIGH else point[0] + 0.04)
    ends = {"x1": str(plot.x(point[0])), "x2": str(beside), "y1": str(plot.y(point[1])), "y2": str(plot.y(point[1]))}
    SubElement(picture, "line", {"class": "leader", **ends})
    _dot(picture, plot, point)
    _text(picture, label, {"class": "mark", "x": f"{beside + 4:g}", "y": f"{plot.y(point[1]) + 5:g}"})


def _text(picture: Element, text: str, attributes: dict[str, str]) -> None:
    SubElement(picture, "text", attributes).text = clean(text)


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[0]) and math.isfinite(point[1])]
