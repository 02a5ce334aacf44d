"""The pictures of a model card, as SVG without scripts; colours come from the page's style sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from shared.markup import Markup, clean
from shared.training.figures import amount, exact_percent, percent, share_found

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.store.records import Value

WIDTH, HEIGHT = 468, 430
LEFT, TOP, RIGHT, BOTTOM = 66, 18, 444, 366
"""The plot's edges inside the picture."""
SCALES = ((0.05, 5), (0.1, 5), (0.2, 4), (0.4, 4), (0.6, 3), (0.8, 4), (1.0, 5))
"""Where an axis may end, and in how many steps it is ticked."""
ROUND = (1, 2, 2.5, 5, 10)
"""What a step of an axis may be, times a power of ten."""
MOST_STEPS = 5
SMALLEST, LARGEST = 1e-9, 1e15
"""What an axis can be divided into."""
UNITS = ((1e9, ", in billions"), (1e6, ", in millions"), (1e3, ", in thousands"))
"""Of an axis of money, from ten of them on: the ticks leave no room for more digits."""
MARKED_SHARE = 0.1
NARROW = 0.6
"""Labels of marks beyond this share of the width stand to the left of them."""

HIGH = 0.5
"""A mark above this height has no room for its label to the right of the diagonal."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high`` in ``steps``; ``tell`` is how a tick is written."""

    low: float = 0.0
    high: float = 1.0
    steps: int = 5
    tell: Callable[[float], str] = percent

    @classmethod
    def of(cls, values: Sequence[float], tell: Callable[[float], str]) -> Axis:
        """In round numbers, and around all values and zero."""
        least, most = min((0.0, *values)), max((0.0, *values))
        if not SMALLEST < most - least < LARGEST:
            return cls(tell=tell)
        rough = (most - least) / MOST_STEPS
        digit = 10.0 ** math.floor(math.log10(rough))
        step = next(digit * times for times in ROUND if digit * times >= rough or times == ROUND[-1])
        below, above = math.ceil(-least / step), math.ceil(most / step)
        return cls(-below * step, above * step, below + above, tell)

    def share(self, value: float) -> float:
        """How far along the axis, from 0 to 1."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    @property
    def ticks(self) -> list[float]:
        """The ends and every step between."""
        size = (self.high - self.low) / self.steps
        first = round(self.low / size)  # so that zero is zero exactly
        return [(first + step) * size for step in range(self.steps + 1)]


@dataclass(frozen=True)
class Plot:
    """Two axes."""

    across: Axis = Axis()
    up: Axis = Axis()

    @classmethod
    def around(cls, points: Sequence[Point]) -> Plot:
        """The smallest scale that holds all points, for both axes."""
        largest = max((value for point in points for value in point), default=1.0)
        axis = next((Axis(0.0, top, steps) for top, steps in SCALES if largest <= top), Axis())
        return cls(axis, axis)

    def x(self, value: float) -> float:
        """Left to right."""
        return round(LEFT + self.across.share(value) * (RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        """Bottom to top."""
        return round(BOTTOM - self.up.share(value) * (BOTTOM - TOP), 1)

    def path(self, points: Sequence[Point]) -> str:
        """The ``points`` of a polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)


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
    top = plot.across.high
    picture = _frame(plot, "calibration", "predicted probability, mean of a tenth", f"observed share of “{positive}”")
    told = "; ".join(f"{percent(predicted)} predicted, {percent(observed)} observed" for predicted, observed in points)
    _describe(
        picture,
        "calibration",
        "Calibration",
        f"Each dot is a tenth of the newest rows, by predicted probability. Dots on the dashed diagonal are exactly "
        f"right, above it the model says too little, below it too much. {told}.",
    )
    upper = [observed - predicted for predicted, observed in points if max(predicted, observed) > top / 2]
    _diagonal(picture, plot, "exactly right", above=sum(upper) < 0)
    if threshold <= top:
        _threshold(picture, plot, threshold, f"threshold {exact_percent(threshold)}")
    SubElement(picture, "polyline", {"class": "curve thin", "points": plot.path(points)})
    for (predicted, observed, rows), point in zip(tenths, points, strict=True):
        dot = _dot(picture, plot, point)
        SubElement(dot, "title").text = f"{percent(predicted)} predicted, {percent(observed)} observed, {rows:,} rows"
    return Markup(tostring(picture, encoding="unicode"))


def profit_picture(value: Value, act: str) -> Markup:
    """What acting on the rows with the highest scores earns."""
    points, best = _finite(value.curve), (value.share, value.profit)
    marks = _finite([best, (1.0, value.profit_of_all)])
    drawn = [profit for _, profit in (*points, *marks)]
    unit, told = next((one for one in UNITS if max(map(abs, drawn), default=0.0) >= 10 * one[0]), (1.0, ""))
    plot = Plot(up=Axis.of(drawn, lambda profit: amount(profit / unit)))
    picture = _frame(plot, "profit", "share of rows, highest scores first", f"profit per 1,000 rows{told}")
    _describe(
        picture,
        "profit",
        "Profit curve",
        f"What “{act}” earns per 1,000 rows, on the share of rows with the highest scores. Most: "
        f"{amount(value.profit)}, on {percent(value.share)} of rows. By the rule that answers use: "
        f"{amount(value.profit_of_rule)}, on {percent(value.share_of_rule)}. On every row: "
        f"{amount(value.profit_of_all)}; on no row: 0. The dashed line is what rows taken at random earn.",
    )
    SubElement(picture, "polyline", {"class": "diagonal", "points": plot.path([(0.0, 0.0), *marks[-1:]])})
    _threshold(picture, plot, value.share_of_rule, f"the rule: {percent(value.share_of_rule)}", low=True)
    SubElement(picture, "polyline", {"class": "curve", "points": plot.path(points)})
    if best in marks:
        _dot(picture, plot, best)
        left = value.share > NARROW
        place = {"class": "mark end" if left else "mark", "x": f"{plot.x(value.share) + (-9 if left else 9):g}"}
        label = f"most: {percent(value.share)} of rows"
        _text(picture, label, {**place, "y": f"{max(plot.y(value.profit) - 8, TOP - 4):g}"})
    return Markup(tostring(picture, encoding="unicode"))


def lift_picture(lift: Sequence[Point], positive: str) -> Markup:
    """How many times the base rate the rows with the highest scores hold."""
    points = _finite(lift)
    plot = Plot(up=Axis.of([times for _, times in points], lambda value: f"{value:g}"))
    picture = _frame(plot, "lift", "share of rows, highest scores first", f"times as many “{positive}” as the average")
    told = next((times for share, times in points if share >= MARKED_SHARE), None)
    words = f" Among the first {percent(MARKED_SHARE)} of rows, {told:.1f} times." if told is not None else ""
    _describe(
        picture,
        "lift",
        "Lift curve",
        f"How many times as many “{positive}” as the average are among the share of rows with the highest scores; the "
        f"dashed line at 1 is rows taken at random.{words}",
    )
    SubElement(picture, "polyline", {"class": "diagonal", "points": plot.path([(0.0, 1.0), (1.0, 1.0)])})
    below = {"class": "note end", "x": str(RIGHT - 6), "y": f"{plot.y(1.0) + 17:g}"}
    _text(picture, "at random", below)
    SubElement(picture, "polyline", {"class": "curve", "points": plot.path(points)})
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
    for value in plot.across.ticks:
        x = str(plot.x(value))
        kind = "grid" if value else "axis"
        SubElement(picture, "line", {"class": kind, "x1": x, "y1": str(TOP), "x2": x, "y2": str(BOTTOM)})
        _text(picture, plot.across.tell(value), {"class": "tick middle", "x": x, "y": str(BOTTOM + 20)})
    for value in plot.up.ticks:
        y = str(plot.y(value))
        kind = "grid" if value else "axis"
        SubElement(picture, "line", {"class": kind, "x1": str(LEFT), "y1": y, "x2": str(RIGHT), "y2": y})
        _text(picture, plot.up.tell(value), {"class": "tick end", "x": str(LEFT - 9), "y": str(plot.y(value) + 4)})
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
    x, y = plot.x(0.78 * plot.across.high), plot.y(0.78 * plot.up.high) + (-13 if above else 25)
    angle = -math.degrees(math.atan2(BOTTOM - TOP, RIGHT - LEFT))
    _text(picture, label, {"class": "note middle", "transform": f"translate({x:g} {y:g}) rotate({angle:.1f})"})


def _threshold(picture: Element, plot: Plot, at: float, label: str, *, low: bool = False) -> None:
    """An upright line and its label, at the top or ``low`` at the bottom."""
    x = plot.x(at)
    SubElement(picture, "line", {"class": "threshold", "x1": str(x), "y1": str(TOP), "x2": str(x), "y2": str(BOTTOM)})
    left = plot.across.share(at) > NARROW
    place = {"class": "warn end" if left else "warn", "x": f"{x - 7 if left else x + 7:g}"}
    _text(picture, label, {**place, "y": str(BOTTOM - 9 if low else TOP + 14)})


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
