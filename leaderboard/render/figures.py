"""Line plots as plain data: points in pixels and ticks for a template, and the same for plotly."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from leaderboard.render.axes import (
    ACCURACY,
    Axis,
    Scale,
    Tick,
    Values,
    heights,
    log_ticks,
    scale,
    ticks,
)
from leaderboard.render.words import span

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 44
STYLES = 7
"""The style sheet has as many line colors; dash and marker tell lines apart without color."""
DASHES = ("", "7 4", "2 4", "9 3 2 3")
MARKERS = {
    "circle": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "square": "M-3.6-3.6h7.2v7.2h-7.2z",
    "diamond": "M0-5L5 0L0 5L-5 0z",
    "triangle-up": "M0-5L4.6 3.6H-4.6z",
    "cross": "M-1.6-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z",
    "triangle-down": "M0 5L4.6-3.6H-4.6z",
    "x": "M-5-2.6L-2.6-5L0-2.4L2.6-5L5-2.6L2.4 0L5 2.6L2.6 5L0 2.4L-2.6 5L-5 2.6L-2.4 0z",
}
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6b6b6b", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette without its pale yellow; the style sheet's colors are close to it."""
PLOTLY_DASHES = ("solid", "dash", "dot", "dashdot")
QUARTERS = [0, 0.25, 0.5, 0.75, 1]
BANDS = 3
"""Bands of more lines than these would hide each other; the table has every bound."""


@dataclass(frozen=True)
class Series:
    """A line: x values, y values with optional bounds, and a word for each point.

    An `outline` has no marks.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    outline: bool = False


@dataclass(frozen=True)
class Line:
    """A series in pixels: `points` and `band` as SVG wants them, one `marks` entry a point."""

    name: str
    style: int
    dash: str
    marker: str
    points: str
    band: str
    marks: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Plot:
    """A figure ready to print, the table of its data, a sentence that says what it shows.

    `interactive` is what plotly.js draws from, as JSON.
    """

    title: str
    sentence: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    interactive: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def plot(
    title: str, sentence: str, axis: Axis, series: Sequence[Series], values: Values = ACCURACY
) -> Plot:
    """Values over x; a linear x axis begins at 0, a logarithmic one at a round number."""
    reached = [x for s in series for x in s.x]
    marks = log_ticks(min(reached), max(reached)) if axis.log else ticks(max(reached, default=1))
    levels = (
        QUARTERS
        if values.share
        else heights([y for s in series for y in (*s.y, *s.low, *s.high)], whole=values.whole)
    )
    scale_x = scale(marks[0], marks[-1], LEFT, WIDTH - RIGHT, log=axis.log)
    scale_y = scale(levels[0], levels[-1], HEIGHT - BOTTOM, TOP)
    return Plot(
        title=title,
        sentence=sentence,
        x_label=axis.title,
        y_label="" if values.share else values.label,
        lines=tuple(
            _line(i, s, (scale_x, scale_y), values, banded=len(series) <= BANDS)
            for i, s in enumerate(series)
        ),
        x_ticks=tuple(Tick(scale_x(x), f"{x:g}") for x in marks),
        y_ticks=tuple(
            Tick(scale_y(y), f"{100 * y:g} %" if values.share else f"{y:g}") for y in levels
        ),
        header=("Line", axis.label, values.label, "95 % interval"),
        rows=tuple(row for s in series for row in _rows(s, values)),
        interactive=_interactive(title, axis, series, values),
    )


def spark(values: Sequence[float]) -> str:
    """The points of a small line from left to right in a box of 56 by 18."""
    step = 52 / max(len(values) - 1, 1)
    return " ".join(f"{2 + i * step:.0f},{16 - 14 * v:.1f}" for i, v in enumerate(values))


def _rows(s: Series, values: Values) -> list[tuple[str, ...]]:
    def said(y: float) -> str:
        return f"{100 * y:.1f} %" if values.share else f"{y:.4g}"

    bounds = [
        span(said(low).removesuffix(" %"), said(high))
        for low, high in zip(s.low, s.high, strict=True)
    ] or [""] * len(s.x)
    named = [f"{s.name} {label}".strip() for label in s.labels] or [s.name] * len(s.x)
    return [
        (name, f"{x:.4g}", said(y), bound)
        for name, x, y, bound in zip(named, s.x, s.y, bounds, strict=True)
    ]


def _line(
    i: int, series: Series, scales: tuple[Scale, Scale], values: Values, *, banded: bool
) -> Line:
    scale_x, scale_y = scales

    def path(ys: Sequence[float]) -> list[str]:
        return [f"{scale_x(x)},{scale_y(y)}" for x, y in zip(series.x, ys, strict=True)]

    shown = banded and len(series.x) > 1 and series.low and series.high
    band = path(series.high) + path(series.low)[::-1] if shown else []
    rows = _rows(series, values)
    return Line(
        name=series.name,
        style=i % STYLES,
        dash=DASHES[_dash(i)],
        marker="" if series.outline else list(MARKERS.values())[_marker(i)],
        points=" ".join(path(series.y)),
        band=" ".join(band),
        marks=tuple(
            (scale_x(x), scale_y(y), f"{name}: {said} at {at}")
            for x, y, (name, at, said, _) in zip(series.x, series.y, rows, strict=True)
            if not series.outline
        ),
    )


def _dash(i: int) -> int:
    """Of line `i`: another one than that of the lines of its color."""
    return (2 * (i // STYLES) + i) % len(DASHES)


def _marker(i: int) -> int:
    return (i // STYLES + i) % len(MARKERS)


def _interactive(title: str, axis: Axis, series: Sequence[Series], values: Values) -> str:
    """The figure as plotly describes it, as JSON that may stand in a page."""
    styles = [_style(i % (STYLES * len(DASHES)), values) for i in range(len(series))]
    traces = [style | _points(s, values) for style, s in zip(styles, series, strict=True)]
    figure = {"data": traces, "layout": _layout(axis, values) | {"meta": title}}
    return json.dumps(figure, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")


def _points(s: Series, values: Values) -> dict[str, Any]:
    unit = 100 if values.share else 1
    bounds = zip(s.low, s.y, s.high, strict=True) if s.low else ()
    errors = [(round(unit * (y - low), 3), round(unit * (high - y), 3)) for low, y, high in bounds]
    return {
        "name": s.name,
        "mode": "lines" if s.outline else "lines+markers",
        "x": list(s.x),
        "y": [round(unit * y, 3) for y in s.y],
        "text": [row[0] for row in _rows(s, values)],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "arrayminus": [below for below, _ in errors],
            "array": [above for _, above in errors],
            "thickness": 1,
        },
    }


# Plotly's own objects check what they are given, and take their time; one of each kind is enough.
@lru_cache
def _style(i: int, values: Values) -> dict[str, Any]:
    unit = "%{y:.1f} %" if values.share else "%{y:.4g}"
    trace = go.Scatter(
        hovertemplate=f"%{{text}}<br>%{{x:.4g}}: {unit}<extra></extra>",
        line={
            "color": COLORS[i % STYLES],
            "dash": PLOTLY_DASHES[_dash(i)],
        },
        marker={"symbol": list(MARKERS)[_marker(i)], "size": 8},
    )
    return dict(trace.to_plotly_json())


@lru_cache
def _layout(axis: Axis, values: Values) -> dict[str, Any]:
    layout = go.Layout(
        xaxis={"title": {"text": axis.title}, "type": "log" if axis.log else "linear"},
        yaxis={"title": {"text": f"{values.label} in %" if values.share else values.label}}
        | ({"range": [-2, 102]} if values.share else {}),
        hovermode="closest",
        legend={"orientation": "h", "y": -0.25},
        margin={"l": 56, "r": 16, "t": 16, "b": 56},
    )
    return dict(layout.to_plotly_json())
