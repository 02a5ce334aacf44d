"""The pictures of a forecast's card, as SVG without scripts; colours come from the page's style sheet."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from shared.markup import Markup, clean
from shared.training.figures import amount, percent
from shared.training.pictures import Axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.forecasts import Drawn, LevelRecord

WIDTH, HEIGHT = 940, 380
LEFT, TOP, RIGHT, BOTTOM = 76, 18, 924, 330
MOST_DATES = 8
"""Ticks of dates."""
BAR_GAP = 0.25
"""Of a bar's place, left free at each side."""


def forecast_picture(drawn: Sequence[Drawn], unit: str) -> Markup:
    """The total at the judging origins, forecast beside what came, then the days to come."""
    values = [value for one in drawn for value in (one.low, one.high, one.forecast, one.came or 0.0)]
    up = Axis.of(values, amount)
    picture = _frame("forecast", up, f"{unit} in all")
    came = sum(1 for one in drawn if one.came is not None)
    _describe(
        picture,
        "forecast",
        "Forecast and what came",
        f"The total, {drawn[0].date} to {drawn[-1].date}: the line is the forecast, the band its interval of 80 %, "
        f"dots are the {came} days that came. Each horizon was forecast from the days before it alone.",
    )
    across = [LEFT + (RIGHT - LEFT) * (place + 0.5) / len(drawn) for place in range(len(drawn))]
    for piece in _pieces(drawn):
        xs, ones = [across[place] for place in piece], [drawn[place] for place in piece]
        band = [(x, one.high) for x, one in zip(xs, ones, strict=True)]
        band += [(x, one.low) for x, one in reversed(list(zip(xs, ones, strict=True)))]
        SubElement(picture, "polygon", {"class": "area", "points": _path(band, up)})
        line = [(x, one.forecast) for x, one in zip(xs, ones, strict=True)]
        SubElement(picture, "polyline", {"class": "curve thin", "points": _path(line, up)})
    for x, one in zip(across, drawn, strict=True):
        if one.came is not None:
            dot = SubElement(
                picture, "circle", {"class": "came", "cx": f"{x:.1f}", "cy": f"{_y(one.came, up):.1f}", "r": "2.6"}
            )
            SubElement(dot, "title").text = f"{one.date}: {amount(one.came)} came, {amount(one.forecast)} forecast"
    step = max(1, -(-len(drawn) // MOST_DATES))
    for place in range(0, len(drawn), step):
        _text(picture, drawn[place].date, {"class": "tick middle", "x": f"{across[place]:.1f}", "y": str(BOTTOM + 20)})
    ahead = next((place for place, one in enumerate(drawn) if one.came is None and place >= came), None)
    if ahead is not None:
        begin = f"{LEFT + (RIGHT - LEFT) * ahead / len(drawn):.1f}"
        SubElement(picture, "line", {"class": "threshold", "x1": begin, "x2": begin, "y1": str(TOP), "y2": str(BOTTOM)})
    return Markup(tostring(picture, encoding="unicode"))


def horizon_picture(level: LevelRecord) -> Markup:
    """The error by how far ahead, beside that of the naive forecast."""
    bands = level.by_horizon
    up = Axis.of([value for band in bands for value in (band.wape, band.naive_wape)], percent)
    picture = _frame("horizon", up, "error, share of what was sold")
    told = "; ".join(f"up to {band.until}: {percent(band.wape)} against {percent(band.naive_wape)}" for band in bands)
    _describe(
        picture,
        "horizon",
        "Error by horizon",
        f"For each band of days ahead the error of the forecast, and beside it that of the same weekday of the week "
        f"before. {told}.",
    )
    wide = (RIGHT - LEFT) / max(len(bands), 1)
    begin = 1
    for place, band in enumerate(bands):
        end = band.until
        left = LEFT + wide * (place + BAR_GAP)
        half = wide * (0.5 - BAR_GAP)
        for x, value, kind in ((left, band.wape, "bar"), (left + half, band.naive_wape, "bar naive")):
            y = _y(value, up)
            size = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{half:.1f}", "height": f"{BOTTOM - y:.1f}"}
            SubElement(picture, "rect", {"class": kind, **size})
            _text(picture, percent(value), {"class": "tick middle", "x": f"{x + half / 2:.1f}", "y": f"{y - 6:.1f}"})
        label = f"{begin} to {end} ahead" if end > begin else f"{end} ahead"
        middle = f"{LEFT + wide * (place + 0.5):.1f}"
        _text(picture, label, {"class": "tick middle", "x": middle, "y": str(BOTTOM + 20)})
        begin = end + 1
    return Markup(tostring(picture, encoding="unicode"))


def _pieces(drawn: Sequence[Drawn]) -> list[list[int]]:
    """Places whose dates follow each other by the same step: a line does not cross what is not there."""
    ordinals = [date.fromisoformat(one.date).toordinal() for one in drawn]
    step = min((later - earlier for earlier, later in pairwise(ordinals)), default=1)
    pieces = [[0]]
    for place in range(1, len(drawn)):
        if ordinals[place] - ordinals[place - 1] == step:
            pieces[-1].append(place)
        else:
            pieces.append([place])
    return pieces


def _frame(name: str, up: Axis, label: str) -> Element:
    names = f"{name}-title {name}-desc"
    size = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-labelledby": names}
    picture = Element("svg", {"class": "picture", **size})
    for value in up.ticks:
        y = f"{_y(value, up):.1f}"
        kind = "grid" if value else "axis"
        SubElement(picture, "line", {"class": kind, "x1": str(LEFT), "x2": str(RIGHT), "y1": y, "y2": y})
        _text(picture, up.tell(value), {"class": "tick end", "x": str(LEFT - 9), "y": f"{_y(value, up) + 4:.1f}"})
    turned = {"class": "label middle", "transform": f"translate(16 {(TOP + BOTTOM) / 2:g}) rotate(-90)"}
    _text(picture, label, turned)
    return picture


def _describe(picture: Element, name: str, title: str, description: str) -> None:
    """Name and words for who does not see the picture; SVG wants them in front."""
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = Element(tag, {"id": f"{name}-{tag}"})
        element.text = clean(text)
        picture.insert(place, element)


def _path(points: Sequence[tuple[float, float]], up: Axis) -> str:
    return " ".join(f"{x:.1f},{_y(value, up):.1f}" for x, value in points)


def _y(value: float, up: Axis) -> float:
    return BOTTOM - up.share(value) * (BOTTOM - TOP)


def _text(picture: Element, text: str, attributes: dict[str, str]) -> None:
    SubElement(picture, "text", attributes).text = clean(text)
