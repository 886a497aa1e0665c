"""The filters of a board that a reader finds ready."""

from collections.abc import Callable, Sequence

from leaderboard.render.codec_pages import CodecRow
from leaderboard.render.pages import Row

KNOWN: tuple[tuple[str, str, Callable[[Row | CodecRow], bool]], ...] = (
    ("At most 0.25 bpp", "bpp=0.25", lambda row: float(row.rate.sort or "inf") <= 0.25),
    ("Learned", "learned=1", lambda row: row.learned),
    ("Randomized", "random=1", lambda row: row.randomized),
)


def presets(rows: Sequence[Row | CodecRow]) -> tuple[tuple[str, str], ...]:
    """Name and hash of those that leave some row."""
    return tuple((name, state) for name, state, fits in KNOWN if any(map(fits, rows)))
