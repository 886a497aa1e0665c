"""What the pages say, as plain data: ranked, rounded and worded here, printed by the templates."""

import json
from dataclasses import dataclass

from benchmark.protocol import Protocol
from benchmark.records import Interval, Run
from benchmark.score import Score
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.render.figures import Plot

MISSING = "–"


@dataclass(frozen=True)
class Figure:
    """An estimate as shown: the value and its 95 % bounds."""

    value: str
    bounds: str


@dataclass(frozen=True)
class Row:
    """An entry on a board before one classifier."""

    entry: str
    title: str
    link: str
    clean: Figure
    transfer: Figure
    white_box: Figure
    worst: Figure
    success: Figure
    rate: Figure
    milliseconds: str
    note: str


@dataclass(frozen=True)
class Section:
    """One classifier of a board or an entry: rows, plots."""

    classifier: str
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


@dataclass(frozen=True)
class EntrySection:
    """An entry before one classifier of one protocol."""

    classifier: str
    row: Row
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
    """A run with its score before each classifier."""

    run: Run
    scores: tuple[Score, ...]


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
        transfer=percent(by_access.get(Access.TRANSFER)),
        white_box=percent(by_access.get(Access.WHITE_BOX)),
        worst=percent(found.worst if found else None),
        success=percent(found.success if found else None),
        rate=Figure(f"{rate.estimate:.3f}", f"{rate.low:.3f} to {rate.high:.3f}")
        if rate
        else Figure(MISSING, ""),
        milliseconds=f"{score.milliseconds:.2f}",
        note=header.unofficial_reason or "",
    )
