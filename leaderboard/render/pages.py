"""What the pages say, as plain data: ranked, rounded and worded here, printed by the templates."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.flags import FLAGS, Raised
from benchmark.protocol import Protocol
from benchmark.records import Interval, Run
from benchmark.score import Score
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.render.figures import Plot

MISSING = "–"
ACCESSES = {
    Access.TRANSFER: "Transfer",
    Access.QUERY: "Query",
    Access.WHITE_BOX: "White-box",
    Access.EOT: "EOT",
}
"""Every access as a column is headed; a board has the columns that one of its rows has."""


@dataclass(frozen=True)
class Figure:
    """An estimate as shown: the value and its 95 % bounds."""

    value: str
    bounds: str


@dataclass(frozen=True)
class FlagShown:
    """A flag that a run raised: the figures that raised it, what it means, where that stands."""

    name: str
    evidence: str
    means: str
    link: str


@dataclass(frozen=True)
class FlagText:
    """A flag on the page that lists them all."""

    name: str
    raised_if: str
    means: str


@dataclass(frozen=True)
class Row:
    """An entry on a board before one classifier. `by_access` has a figure for every column."""

    entry: str
    title: str
    link: str
    clean: Figure
    by_access: dict[str, Figure]
    worst: Figure
    challenged: Figure
    success: Figure
    rate: Figure
    milliseconds: str
    flags: tuple[FlagShown, ...]
    note: str


@dataclass(frozen=True)
class Section:
    """One classifier of a board: rows, plots; `columns` are the accesses that any row has."""

    classifier: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    unofficial: tuple[Row, ...]
    plots: tuple[Plot, ...]


@dataclass(frozen=True)
class BoardPage:
    """Runs of one protocol on one set of pictures; no other runs are compared with them."""

    slug: str
    title: str
    protocol: str
    protocol_hash: str
    dataset: str
    fingerprint: str
    images: int
    threat: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class CellRow:
    """One attack alone, on an entry's page."""

    access: str
    attack: str
    budget: str
    gradient: str
    accuracy: Figure
    steps: str
    queries: str


@dataclass(frozen=True)
class ChallengeRow:
    """Pictures that somebody handed in against a run."""

    at: str
    by: str
    budget: str
    broken: str
    sha256: str


@dataclass(frozen=True)
class EntrySection:
    """An entry before one classifier of one protocol: its figures, each with its name."""

    classifier: str
    figures: tuple[tuple[str, Figure], ...]
    draws: int
    flags: tuple[FlagShown, ...]
    challenges: tuple[ChallengeRow, ...]
    plots: tuple[Plot, ...]
    cells: tuple[CellRow, ...]


@dataclass(frozen=True)
class RunPage:
    """One run of an entry: its scores, its provenance, the command that reproduces it."""

    run_id: int
    slug: str
    entry: str
    title: str
    kind: str
    parameters: str
    board: BoardPage
    status: str
    unofficial_reason: str
    sections: tuple[EntrySection, ...]
    provenance: tuple[tuple[str, str], ...]
    command: str


@dataclass(frozen=True)
class Scored:
    """A run with its score and its flags before each classifier."""

    run: Run
    scores: tuple[Score, ...]
    flags: tuple[tuple[Raised, ...], ...]


def percent(interval: Interval | None) -> Figure:
    """A proportion in per cent."""
    if interval is None:
        return Figure(MISSING, "")
    low, high = 100 * interval.low, 100 * interval.high
    return Figure(f"{100 * interval.estimate:.1f}", f"{low:.1f} to {high:.1f}")


def threat_in_words(threat: ThreatModel) -> str:
    """A threat model for people."""
    if threat.norm is Norm.LINF:
        return f"L∞ ≤ {threat.radius:g}/255"
    return f"L2 ≤ {threat.radius:g}"


def slug_of(run: Run) -> str:
    """File name of a run's page, without the ending."""
    return f"{run.header.submission}-{run.header.variant}-run{run.id}"


def board_slug(run: Run) -> str:
    """File name of the board that the run belongs to, without the ending."""
    header = run.header
    return f"{header.protocol}-{header.protocol_hash[:8]}-{header.dataset_fingerprint[:8]}"


def protocol_of(run: Run) -> Protocol:
    """The protocol as the run carries it."""
    return Protocol.model_validate_json(json.dumps(run.header.protocol_content))


def flag_texts() -> tuple[FlagText, ...]:
    """Every flag there is."""
    return tuple(FlagText(name, flag.raised_if, flag.means) for name, flag in FLAGS.items())


def flag_shown(raised: Raised) -> FlagShown:
    """A flag that a run raised."""
    means = FLAGS[raised.name].means
    return FlagShown(raised.name, raised.evidence, means, f"flags.html#{raised.name}")


def columns_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """The accesses that at least one row has a figure for."""
    rows = list(rows)
    return tuple(
        name
        for name in ACCESSES.values()
        if any(row.by_access[name].value != MISSING for row in rows)
    )


def row_of(one: Scored, i: int, threat: ThreatModel) -> Row:
    """The row of a run before its classifier number `i`."""
    score, header = one.scores[i], one.run.header
    found = score.at(threat)
    by_access = found.by_access if found else {}
    rate = score.bits_per_pixel
    return Row(
        entry=header.entry,
        title=header.title,
        link=f"entries/{slug_of(one.run)}.html",
        clean=percent(score.clean),
        by_access={words: percent(by_access.get(access)) for access, words in ACCESSES.items()},
        worst=percent(found.worst if found else None),
        challenged=percent(found.challenged if found else None),
        success=percent(found.success if found else None),
        rate=Figure(f"{rate.estimate:.3f}", f"{rate.low:.3f} to {rate.high:.3f}")
        if rate
        else Figure(MISSING, ""),
        milliseconds=f"{score.milliseconds:.2f}",
        flags=tuple(flag_shown(raised) for raised in one.flags[i]),
        note=header.unofficial_reason or "",
    )
