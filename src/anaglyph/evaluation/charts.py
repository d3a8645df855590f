"""Line charts laid out as plain numbers; the report's template draws them as inline SVG.

Nothing here makes markup, so every word in a chart passes the template's escaping, and colours follow
the page's light and dark scheme.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 18.0, 30.0, 46.0
_MOST_POINTS = 240
_STYLES = 6


@dataclass(frozen=True)
class Curve:
    """One chart: named lines over a common axis."""

    title: str
    x: str
    """What the horizontal axis counts, with its unit, such as "epoch"."""
    y: str
    """What the vertical axis measures, with its unit."""
    series: Mapping[str, Sequence[tuple[float, float]]]
    """Name -> (x, y) in the order to be joined; a point that is not finite leaves a gap."""


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Point:
    """A place in the drawing and the values it stands for."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Line:
    """One series, ready to draw."""

    name: str
    path: str
    """SVG path data; empty without a finite point."""
    points: tuple[Point, ...]
    """All of a short series, first and last of a long one."""
    style: int
    """Which of the page's line styles: 0 to 5."""


@dataclass(frozen=True)
class Chart:
    """A laid-out curve in a box of WIDTH x HEIGHT."""

    title: str
    x: str
    y: str
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    summary: str
    """The chart in words, for those who cannot see it."""


def lay_out(curve: Curve) -> Chart:
    """Place a curve; series beyond 240 points are thinned evenly, first and last point kept."""
    thinned = {name: thin(points) for name, points in curve.series.items()}
    seen = [point for points in thinned.values() for point in points if _finite(point)]
    x_low, x_high = _range([x for x, _ in seen], from_zero=False)
    y_low, y_high = _range([y for _, y in seen], from_zero=True)
    box = (_LEFT, WIDTH - _RIGHT, _TOP, HEIGHT - _BOTTOM)

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (x - x_low) / (x_high - x_low), (y - y_low) / (y_high - y_low)
        return box[0] + across * (box[1] - box[0]), box[3] - up * (box[3] - box[2])

    lines = tuple(
        Line(
            name=name,
            path=_path([place(*point) if _finite(point) else None for point in points]),
            points=tuple(
                Point(*place(*point), label=f"{name}: {number(point[1])} at {curve.x} {number(point[0])}")
                for point in _marked([point for point in points if _finite(point)])
            ),
            style=position % _STYLES,
        )
        for position, (name, points) in enumerate(thinned.items())
    )
    return Chart(
        title=curve.title,
        x=curve.x,
        y=curve.y,
        left=box[0],
        right=box[1],
        top=box[2],
        bottom=box[3],
        x_ticks=tuple(Tick(place(value, y_low)[0], label) for value, label in _ticks(x_low, x_high)),
        y_ticks=tuple(Tick(place(x_low, value)[1], label) for value, label in _ticks(y_low, y_high)),
        lines=lines,
        summary=_in_words(curve),
    )


def number(value: float) -> str:
    """A number as a reader wants it: 12,500; 0.931; 2e-05."""
    if not math.isfinite(value):
        return "n/a"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.3f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"


def _finite(point: tuple[float, float]) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])


def thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most 240 of the points, evenly picked, first and last among them."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    step = (len(points) - 1) / (_MOST_POINTS - 1)
    return [points[round(position * step)] for position in range(_MOST_POINTS)]


def _marked(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return points if len(points) <= 40 else [points[0], points[-1]]


def _range(values: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if from_zero:
        margin = 0.06 * (high - low)
        low = 0.0 if 0 <= low <= 0.4 * high else low - margin
        high += margin
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):
        low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
    return low, high


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """About six round values in [low, high], with as many digits as their step needs."""
    rough = (high - low) / 6
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    values = [
        step * count for count in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]
    small = digits > 4
    return [(value, f"{value:.3g}" if small else f"{value + 0.0:,.{digits}f}") for value in values]


def _path(places: Sequence[tuple[float, float] | None]) -> str:
    parts, pen = [], "M"
    for place in places:
        if place is None:
            pen = "M"
            continue
        parts.append(f"{pen}{place[0]:.1f} {place[1]:.1f}")
        pen = "L"
    return "".join(parts)


def _in_words(curve: Curve) -> str:
    spans = []
    for name, points in curve.series.items():
        seen = [y for x, y in points if _finite((x, y))]
        if seen:
            spans.append(f"{name} from {number(seen[0])} to {number(seen[-1])}")
    return f"{curve.title}. {curve.y} over {curve.x}: {'; '.join(spans) or 'no values'}."
