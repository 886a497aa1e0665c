"""A run of the codec track with what is derived from it, and the order of a board's entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from benchmark.comparison import tiers
from benchmark.protocol import CodecProtocol
from benchmark.records import Interval
from leaderboard.render.codec_digest import CodecDigest
from leaderboard.render.judged import JudgedRun
from leaderboard.render.words import MISSING, NOTHING, Figure, signed, span


@dataclass(frozen=True)
class CodecEntry(JudgedRun[CodecProtocol, CodecDigest]):
    """A completed run of the codec track."""

    @property
    def images(self) -> tuple[str, ...]:
        """The images of the sample that the run judged, in order."""
        return self.digest.images.images


def codec_ranked(entries: Sequence[CodecEntry]) -> list[tuple[int, CodecEntry]]:
    """Entries with their tier by rate inflation, the least inflated first.

    Tiers compare the logarithm of each image's inflation; an image that one entry has no figure of
    is left out for all.
    """
    if not entries:
        return []
    columns = zip(*(entry.digest.images.inflation for entry in entries), strict=True)
    kept = [column for column in columns if all(column)]
    shares = np.array([[-log(value or 1.0) for value in row] for row in zip(*kept, strict=True)])
    found = tiers(shares, [None] * len(entries)) if kept else [1] * len(entries)
    return sorted(zip(found, entries, strict=True), key=lambda one: (one[0], codec_order(one[1])))


def codec_order(entry: CodecEntry) -> tuple[float, str]:
    """A key that sorts the least inflated first, what has no figure last."""
    worst = entry.digest.score.at(entry.headline)
    known = worst.inflation.estimate if worst and worst.inflation else float("inf")
    return (known, entry.run.header.entry)


def value(interval: Interval | None, digits: int = 2, unit: str = "") -> Figure:
    """A figure with its bounds, so many digits behind the point."""
    if interval is None:
        return NOTHING
    return Figure(
        signed(f"{interval.estimate:.{digits}f}{unit}"),
        span(f"{interval.low:.{digits}f}", f"{interval.high:.{digits}f}"),
        f"{interval.estimate:.6f}",
    )


def lost(decibels: float, digits: int) -> str:
    """A loss of PSNR as a verb and a figure; what is below 0 is a gain."""
    verb = "gains" if decibels < 0 else "loses"
    return f"{verb} {abs(decibels):.{digits}f} dB"


def plain(number: float | None, digits: int = 1) -> Figure:
    """A figure without bounds."""
    if number is None:
        return Figure(MISSING)
    return Figure(f"{number:.{digits}f}", "", f"{number:.6f}")
