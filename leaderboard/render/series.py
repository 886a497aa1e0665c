"""What a plot has: lines of points, and how each is told from the others."""

from dataclasses import dataclass

from leaderboard.render.axes import Values
from leaderboard.render.words import span

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


def rows(s: Series, values: Values) -> list[tuple[str, ...]]:
    """A row of the table of data for each point: name, x, y, bounds."""

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


def dash(i: int) -> int:
    """Of line `i`: another one than that of the lines of its color."""
    return (2 * (i // STYLES) + i) % len(DASHES)


def marker(i: int) -> int:
    """Of line `i`, likewise."""
    return (i // STYLES + i) % len(MARKERS)
