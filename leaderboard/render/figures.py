"""Line plots as plain data: points in pixels and ticks for a template, and the same for plotly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

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
from leaderboard.render.interactive import interactive
from leaderboard.render.series import DASHES, MARKERS, STYLES, Series, dash, marker, rows

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 44
QUARTERS = [0, 0.25, 0.5, 0.75, 1]
BANDS = 3
"""Bands of more lines than these would hide each other; the table has every bound."""

COVERED, GROWTH = 3.0, 0.7
"""Marks closer than so many pixels cover each other; how much larger one is for each above it."""


@dataclass(frozen=True)
class Line:
    """A series in pixels: `points` and `band` as SVG wants them, one `marks` entry a point.

    A mark is its place, its words, and by how much it is larger than others.
    """

    name: str
    style: int
    dash: str
    marker: str
    points: str
    band: str
    marks: tuple[tuple[str, str, str, str], ...]


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

    @property
    def legend(self) -> tuple[tuple[str, int, str, str], ...]:
        """What tells the lines apart."""
        return tuple((line.name, line.style, line.dash, line.marker) for line in self.lines)


def plot(
    title: str,
    sentence: str,
    axis: Axis,
    series: Sequence[Series],
    values: Values = ACCURACY,
    *,
    reach: Sequence[float] = (),
) -> Plot:
    """Values over x; a linear x axis begins at 0, a logarithmic one at a round number.

    The y axis encloses all that the series has, and what it is to `reach` besides.
    """
    reached = [x for s in series for x in s.x]
    marks = log_ticks(min(reached), max(reached)) if axis.log else ticks(max(reached, default=1))
    every = [*reach, *(y for s in series for y in (*s.y, *s.low, *s.high))]
    levels = QUARTERS if values.share else heights(every, whole=values.whole)
    scale_x = scale(marks[0], marks[-1], LEFT, WIDTH - RIGHT, log=axis.log)
    scale_y = scale(levels[0], levels[-1], HEIGHT - BOTTOM, TOP)
    return Plot(
        title=title,
        sentence=sentence,
        x_label=axis.title,
        y_label="" if values.share else values.label,
        lines=_uncovered(
            [
                _line(i, s, (scale_x, scale_y), values, banded=len(series) <= BANDS)
                for i, s in enumerate(series)
            ]
        ),
        x_ticks=tuple(Tick(scale_x(x), f"{x:g}") for x in marks),
        y_ticks=tuple(
            Tick(scale_y(y), f"{100 * y:g} %" if values.share else f"{y:g}") for y in levels
        ),
        header=("Line", axis.label, values.label, "95 % interval"),
        rows=tuple(row for s in series for row in rows(s, values)),
        interactive=interactive(title, axis, series, values),
    )


def spark(values: Sequence[float]) -> str:
    """The points of a small line from left to right in a box of 56 by 18."""
    step = 52 / max(len(values) - 1, 1)
    return " ".join(f"{2 + i * step:.0f},{16 - 14 * v:.1f}" for i, v in enumerate(values))


def _line(
    i: int, series: Series, scales: tuple[Scale, Scale], values: Values, *, banded: bool
) -> Line:
    scale_x, scale_y = scales

    def path(ys: Sequence[float]) -> list[str]:
        return [f"{scale_x(x)},{scale_y(y)}" for x, y in zip(series.x, ys, strict=True)]

    shown = banded and len(series.x) > 1 and series.low and series.high
    band = path(series.high) + path(series.low)[::-1] if shown else []
    return Line(
        name=series.name,
        style=i % STYLES,
        dash=DASHES[dash(i)],
        marker="" if series.outline else list(MARKERS.values())[marker(i)],
        points=" ".join(path(series.y)),
        band=" ".join(band),
        marks=tuple(
            (scale_x(x), scale_y(y), f"{name}: {said} at {at}", "1")
            for x, y, (name, at, said, _) in zip(
                series.x, series.y, rows(series, values), strict=True
            )
            if not series.outline
        ),
    )


def _uncovered(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Marks that lie below those of lines of one point are larger: each has nothing else to see."""
    alone = [(i, *line.marks[0][:2]) for i, line in enumerate(lines) if len(line.marks) == 1]

    def grown(i: int, mark: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
        x, y, words, _ = mark
        above = sum(
            other > i and hypot(float(x) - float(at), float(y) - float(level)) < COVERED
            for other, at, level in alone
        )
        return x, y, words, f"{1 + GROWTH * above:g}"

    return tuple(
        replace(line, marks=tuple(grown(i, mark) for mark in line.marks)) if alone else line
        for i, line in enumerate(lines)
    )
