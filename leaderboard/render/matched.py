"""Codecs at the same rate: the curve through a codec's own settings, read at a few round rates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.comparison import at_rate
from leaderboard.render.entry import Entry, over_classifiers
from leaderboard.render.pages import Matched, MatchedRow
from leaderboard.render.words import percent

RATES = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class CodecCurve:
    """The settings of one codec that differ in one number, by rate; `rates` in bits per pixel."""

    name: str
    rates: tuple[float, ...]
    entries: tuple[Entry, ...]


def codec_curves(entries: Sequence[Entry]) -> list[CodecCurve]:
    """A curve for every codec, those with most settings first; `entries` are the best first."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for submission in dict.fromkeys(entry.run.header.submission for entry in entries):
        own = [e for e in entries if e.run.header.submission == submission]
        own = [entry for entry in own if entry.bits_per_pixel]
        axis = _axis(own)
        for entry in own:
            fixed = {k: v for k, v in entry.run.header.parameters.items() if k != axis}
            groups.setdefault((submission, _words(fixed)), []).append(entry)
    curves = [_curve(" ".join(filter(None, name)), found) for name, found in groups.items()]
    return sorted(curves, key=lambda curve: -len(curve.entries))


def _axis(entries: Sequence[Entry]) -> str | None:
    """The number by which most of these settings differ."""
    values: dict[str, set[float]] = {}
    for entry in entries:
        for name, value in entry.run.header.parameters.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                values.setdefault(name, set()).add(value)
    return max(values, key=lambda name: len(values[name]), default=None)


def _words(fixed: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(fixed.items()))


def _curve(name: str, entries: Sequence[Entry]) -> CodecCurve:
    found = sorted((entry.bits_per_pixel or 0.0, i) for i, entry in enumerate(entries))
    return CodecCurve(name, tuple(rate for rate, _ in found), tuple(entries[i] for _, i in found))


def matched(curves: Sequence[CodecCurve]) -> Matched | None:
    """The table of codecs at equal rates; None if no codec has two settings."""
    lines = [curve for curve in curves if len(curve.entries) > 1]
    rates = [r for r in RATES if any(c.rates[0] <= r <= c.rates[-1] for c in lines)]
    if not rates:
        return None
    return Matched(
        rates=tuple(f"{rate:g}" for rate in rates),
        rows=tuple(_row(curve, rates) for curve in lines),
    )


def _row(curve: CodecCurve, rates: Sequence[float]) -> MatchedRow:
    shares = {
        field: np.array([over_classifiers(entry, field) for entry in curve.entries])
        for field in ("clean", "worst")
    }
    return MatchedRow(
        name=curve.name,
        settings=", ".join(entry.run.header.variant for entry in curve.entries),
        reach=f"{curve.rates[0]:.2f}–{curve.rates[-1]:.2f}",
        cells=tuple(
            (
                percent(at_rate(curve.rates, shares["clean"], rate)),
                percent(at_rate(curve.rates, shares["worst"], rate)),
            )
            for rate in rates
        ),
    )
