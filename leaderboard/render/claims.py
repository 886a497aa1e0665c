"""What the papers claimed beside what stored runs measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from benchmark.errors import CallError
from benchmark.tables import Table, read_table
from benchmark.threat import Access
from leaderboard.render.boards import Board
from leaderboard.render.entry import Entry
from leaderboard.render.words import NOTHING, Figure, entry_slug, percent, rate, threat_in_words


class Claim(Table):
    """A published figure, where it stands, and the entries (by pattern) that speak to it.

    `why` says what differs between the paper's measurement and this one.
    """

    title: str
    paper: str
    link: str
    claimed: tuple[str, ...]
    why: str
    entries: tuple[str, ...]


class Claims(Table):
    """The content of `claims.toml`."""

    claim: tuple[Claim, ...]


@dataclass(frozen=True)
class MeasuredRow:
    """An entry before one classifier, with the figures that speak to a claim."""

    entry: str
    link: str
    board: str
    board_link: str
    classifier: str
    threat: str
    clean: Figure
    transfer: Figure
    own_gradient: Figure
    worst: Figure
    rate: Figure


@dataclass(frozen=True)
class ClaimShown:
    """A claim with what the stored runs say; `wanted` are the entries that would."""

    claim: Claim
    measured: tuple[MeasuredRow, ...]
    wanted: str


def claims(path: Path, boards: Sequence[Board]) -> tuple[ClaimShown, ...]:
    """Every claim of the file beside the newest official runs of all boards."""
    return tuple(
        ClaimShown(
            claim,
            tuple(
                row
                for board in boards
                for _, entry in board.tiers
                if any(fnmatchcase(entry.run.header.entry, p) for p in claim.entries)
                for row in _rows(entry, board)
            ),
            ", ".join(claim.entries),
        )
        for claim in read_table(path, Claims, CallError).claim
    )


def _rows(entry: Entry, board: Board) -> list[MeasuredRow]:
    rows = []
    for part in entry.digest.parts:
        found = part.score.at(entry.headline)
        own = [one for one in part.estimators if one.threat == entry.headline]
        # The gradient that the submission declares: its surrogate, else the exact one.
        declared = {one.estimator: one.accuracy for one in own}
        accuracy = declared.get("surrogate") or declared.get("exact")
        transfer = found.by_access.get(Access.TRANSFER) if found else None
        rows.append(
            MeasuredRow(
                entry=entry.run.header.entry,
                link=f"entries/{entry_slug(entry.run)}.html",
                board=board.page.title,
                board_link=f"boards/{board.page.slug}.html",
                classifier=part.score.classifier,
                threat=threat_in_words(entry.headline),
                clean=percent(part.score.clean),
                transfer=percent(transfer),
                own_gradient=percent(accuracy),
                worst=percent(found.worst) if found else NOTHING,
                rate=rate(part.score.bits_per_pixel),
            )
        )
    return rows
