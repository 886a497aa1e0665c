"""Runs of the codec track as the page that compares reads them."""

from collections.abc import Sequence

from benchmark.records import Interval
from leaderboard.render.axes import Axis, Values
from leaderboard.render.codec_boards import CodecBoard, inflation
from leaderboard.render.codec_entry import CodecEntry, value
from leaderboard.render.comparing import Frames, handed_over, pair
from leaderboard.render.curves import radius_label
from leaderboard.render.figures import Plot, plot
from leaderboard.render.series import Series
from leaderboard.render.words import NOTHING, rate

CURVES = (
    ("inflation", "Rate inflation over the size of the attack", Values("times the bits"), 1.0),
    ("psnr_loss", "PSNR loss over the size of the attack", Values("dB"), 0.0),
)
"""Field of the worst case, title, what it is counted in, and what it is without attack."""

Reach = tuple[float, ...]


def codec_frames(boards: Sequence[CodecBoard]) -> Frames:
    """Of every board that has two entries the axes of its curves, which reach around them all."""
    return tuple(
        (board.page.slug, _plots(board.tiers[0][1], reaches(board)))
        for board in boards
        if len(board.tiers) > 1
    )


def reaches(board: CodecBoard) -> tuple[Reach, ...]:
    """Every value that a curve of the board has, bounds and all; one tuple a plot."""
    return tuple(
        tuple(y for _, entry in board.tiers for y in _reached(_series(entry, field, start)))
        for field, _, _, start in CURVES
    )


def codec_for_comparing(entry: CodecEntry, reach: Sequence[Reach]) -> bytes:
    """The script that hands a run over, its curves in axes that reach so far."""
    worst = entry.digest.score.at(entry.headline)
    clean = entry.digest.score.clean.quality
    shown = (
        inflation(entry),
        value(worst.psnr_loss) if worst else NOTHING,
        rate(clean.bits_per_pixel),
        value(clean.psnr, 1),
    )
    images = entry.digest.images
    content = {
        "shown": [pair(figure) for figure in shown],
        "inflation": _rounded(images.inflation),
        "psnr_loss": _rounded(images.psnr_loss),
    }
    return handed_over(entry, _plots(entry, reach), content)


def _plots(entry: CodecEntry, reach: Sequence[Reach]) -> tuple[Plot, ...]:
    axis = Axis(radius_label(entry.headline.norm))
    return tuple(
        plot(title, "", axis, [_series(entry, field, start)], values, reach=far)
        for (field, title, values, start), far in zip(CURVES, reach, strict=True)
    )


def _series(entry: CodecEntry, field: str, start: float) -> Series:
    """The worst case from no attack (0) over the radii of the headline's norm."""
    found: list[tuple[float, Interval]] = [(0.0, Interval(start, start, start))]
    for worst in entry.digest.score.worst:
        figure: Interval | None = getattr(worst, field)
        if worst.threat.norm is entry.headline.norm and figure is not None:
            found.append((worst.threat.radius, figure))
    return Series(
        entry.run.header.entry,
        tuple(x for x, _ in found),
        tuple(y.estimate for _, y in found),
        tuple(y.low for _, y in found),
        tuple(y.high for _, y in found),
    )


def _reached(series: Series) -> tuple[float, ...]:
    return (*series.y, *series.low, *series.high)


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if one is None else round(one, 6) for one in values]
