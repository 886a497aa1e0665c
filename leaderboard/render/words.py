"""How figures, sizes of attacks, runs and dates are worded; everything is rounded here."""

import hashlib
import re
from dataclasses import dataclass

from benchmark.records import Cell, Interval, Run
from benchmark.threat import Access, Norm, ThreatModel

MISSING = "–"
ACCESSES = {
    Access.TRANSFER: "Transfer",
    Access.QUERY: "Query",
    Access.WHITE_BOX: "White-box",
    Access.EOT: "EOT",
}
"""Every access as a column is headed; a board has the columns that one of its rows has."""

KNOWN = {Access.VANILLA: "bare codec", Access.EOT: "EOT"}
"""Accesses whose word in a protocol is none of the language."""
SAFE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
FINE = 0.04
"""An interval narrower than this share is given with a decimal."""
TINY = 0.1
"""Below this many bits per pixel two decimals say too little."""


@dataclass(frozen=True)
class Figure:
    """An estimate as shown, its 95 % bounds, and the number that a table sorts it by."""

    value: str
    bounds: str = ""
    sort: str = ""


NOTHING = Figure(MISSING)


def percent(interval: Interval | None) -> Figure:
    """A proportion in per cent."""
    if interval is None:
        return NOTHING
    low, high = 100 * interval.low, 100 * interval.high
    digits = 1 if interval.high - interval.low < FINE else 0
    bounds = f"{low:.{digits}f}–{high:.{digits}f}"
    return Figure(f"{100 * interval.estimate:.1f}", bounds, f"{interval.estimate:.6f}")


def span(low: str, high: str) -> str:
    """Two bounds; one below 0 would make a minus of the dash between them."""
    if low.startswith("-") or high.startswith("-"):
        return f"{signed(low)} to {signed(high)}"
    return f"{low}–{high}"


def signed(figure: str) -> str:
    """A figure with the sign that is as wide as a digit."""
    return figure.replace("-", "−")


def rate(interval: Interval | None) -> Figure:
    """Bits per pixel; two decimals, so that points stand below each other, and three if tiny."""
    if interval is None:
        return NOTHING
    digits = 3 if interval.estimate < TINY else 2
    bounds = f"{interval.low:.{digits}f}–{interval.high:.{digits}f}"
    return Figure(f"{interval.estimate:.{digits}f}", bounds, f"{interval.estimate:.6f}")


def milliseconds(value: float) -> Figure:
    """Time of a defense an image, with one decimal so that points stand below each other."""
    return Figure(f"{value:.1f}" if value >= 0.05 else "< 0.1", "", f"{value:.6f}")


def points(interval: Interval) -> str:
    """A difference of two shares in points, with its bounds."""
    return (
        f"{100 * interval.estimate:+.1f} points ({100 * interval.low:+.1f} to "
        f"{100 * interval.high:+.1f})"
    )


def threat_in_words(threat: ThreatModel) -> str:
    """A threat model for people."""
    if threat.norm is Norm.LINF:
        return f"L∞ ≤ {threat.radius:g}/255"
    return f"{threat.norm.value.upper()} ≤ {threat.radius:g}"


def size_in_words(threat: ThreatModel) -> str:
    """What a threat model lets the adversary change, in a sentence."""
    if threat.norm is Norm.LINF:
        return f"each color value may change by at most {threat.radius:g} of 255 steps"
    return f"the whole change may have an L2 length of at most {threat.radius:g}"


def access_in_words(cell: Cell) -> str:
    """What the adversary knows: `bare codec from mbt2018` for a codec without its defense."""
    known = KNOWN.get(cell.access, cell.access.value)
    return known + (f" from {cell.source}" if cell.source else "")


def aim_in_words(cell: Cell) -> str:
    """What the adversary knows, and what it raises if it attacks a codec."""
    return access_in_words(cell) + (f", raising {cell.objective}" if cell.objective else "")


def count(number: int, noun: str) -> str:
    """`1 entry`, `2 entries`, `0 flags`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def day(moment: str) -> str:
    """The date of a stored time."""
    return moment[:10] or MISSING


def part_of_path(name: str) -> str:
    """`name` where it may be a part of a file's path, else a short hash of it."""
    if SAFE.fullmatch(name) and not name.endswith("."):
        return name
    return "x-" + hashlib.sha256(name.encode()).hexdigest()[:12]


def entry_slug(run: Run) -> str:
    """Path of an entry's page below `entries/`, without the ending."""
    return f"{part_of_path(run.header.submission)}/{part_of_path(run.header.variant)}"


def board_slug(run: Run) -> str:
    """File name of the board that the run belongs to, without the ending."""
    header = run.header
    name = part_of_path(header.protocol)
    hashes = f"{header.protocol_hash[:8]}-{header.dataset_fingerprint[:8]}"
    return f"{name}-{part_of_path(hashes)}"
