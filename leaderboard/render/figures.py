"""Line plots as plain data: points in pixels and ticks, for a template that only prints them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 40
# Okabe and Ito's palette without its pale yellow; dashes tell lines apart without color.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b6b6b")
DASHES = ("", "7 4", "2 3")


@dataclass(frozen=True)
class Series:
    """A line: x values, and y values in [0, 1] with optional bounds."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class Line:
    """A series in pixels: `points` and `band` as SVG wants them, one `marks` entry a point."""

    name: str
    color: str
    dash: str
    points: str
    band: str
    marks: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in pixels and its label."""

    at: str
    label: str


@dataclass(frozen=True)
class Plot:
    """A figure ready to print, the table of its data, a sentence that says what it shows."""

    title: str
    sentence: str
    x_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def plot(title: str, sentence: str, x_label: str, series: Sequence[Series]) -> Plot:
    """Accuracy (0 to 1) over x, the x axis beginning at 0."""
    reach = max((max(s.x) for s in series if s.x), default=1.0) or 1.0
    ticks = _ticks(reach)
    scale_x = _scale(0, max(reach, ticks[-1]), LEFT, WIDTH - RIGHT)
    scale_y = _scale(0, 1, HEIGHT - BOTTOM, TOP)
    return Plot(
        title=title,
        sentence=sentence,
        x_label=x_label,
        lines=tuple(_line(i, s, scale_x, scale_y) for i, s in enumerate(series)),
        x_ticks=tuple(Tick(scale_x(x), f"{x:g}") for x in ticks),
        y_ticks=tuple(Tick(scale_y(y / 4), f"{25 * y} %") for y in range(5)),
        header=("line", x_label, "accuracy"),
        rows=tuple(
            (s.name, f"{x:.4g}", f"{100 * y:.1f} %")
            for s in series
            for x, y in zip(s.x, s.y, strict=True)
        ),
    )


def _ticks(reach: float) -> list[float]:
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 1e9) if reach / s <= 8)
    count = int(reach / step + 0.999)
    return [round(i * step, 6) for i in range(count + 1)]


def _scale(low: float, high: float, start: float, stop: float) -> Callable[[float], str]:
    return lambda value: f"{start + (value - low) / (high - low) * (stop - start):.1f}"


def _line(
    i: int, series: Series, scale_x: Callable[[float], str], scale_y: Callable[[float], str]
) -> Line:
    def path(ys: Sequence[float]) -> list[str]:
        return [f"{scale_x(x)},{scale_y(y)}" for x, y in zip(series.x, ys, strict=True)]

    band = path(series.high) + path(series.low)[::-1] if series.low and series.high else []
    return Line(
        name=series.name,
        color=COLORS[i % len(COLORS)],
        dash=DASHES[i % len(DASHES)],
        points=" ".join(path(series.y)),
        band=" ".join(band),
        marks=tuple(
            (scale_x(x), scale_y(y), f"{series.name}: {100 * y:.1f} % at {x:.4g}")
            for x, y in zip(series.x, series.y, strict=True)
        ),
    )
