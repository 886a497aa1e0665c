"""What the papers claimed beside what stored runs measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from benchmark.errors import CallError
from benchmark.tables import Table, read_table
from benchmark.threat import Access
from leaderboard.render.boards import Board
from leaderboard.render.codec_boards import CodecBoard
from leaderboard.render.codec_claims import CodedRow, ExtremeRow, coded_rows, extremes
from leaderboard.render.entry import Entry
from leaderboard.render.words import NOTHING, Figure, entry_slug, percent, rate, threat_in_words


class Claim(Table):
    """A published figure, where it stands, and the entries (by pattern) that speak to it.

    `why` says what differs between the paper's measurement and this one. `about` is what it is of:
    the accuracy behind a defense, what attacks do to a codec, or the worst of all that they do.
    """

    title: str
    paper: str
    link: str
    claimed: tuple[str, ...]
    why: str
    entries: tuple[str, ...]
    about: Literal["accuracy", "codec", "extremes"] = "accuracy"

    def speaks(self, entry: str) -> bool:
        """Whether the entry is one of those that speak to it."""
        return any(fnmatchcase(entry, pattern) for pattern in self.entries)


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
    coded: tuple[CodedRow, ...]
    extremes: tuple[ExtremeRow, ...]
    wanted: str


def claims(
    path: Path, boards: Sequence[Board], codec_boards: Sequence[CodecBoard]
) -> tuple[ClaimShown, ...]:
    """Every claim of the file beside the newest runs of all boards, those that are ranked."""
    return tuple(
        _shown(claim, boards, codec_boards) for claim in read_table(path, Claims, CallError).claim
    )


def _shown(claim: Claim, boards: Sequence[Board], codec_boards: Sequence[CodecBoard]) -> ClaimShown:
    wanted = ", ".join(claim.entries)
    if claim.about == "extremes":
        return ClaimShown(claim, (), (), extremes(claim.speaks, codec_boards), wanted)
    if claim.about == "codec":
        return ClaimShown(claim, (), coded_rows(claim.speaks, codec_boards), (), wanted)
    measured = (
        row
        for board in boards
        for _, entry in board.tiers
        if claim.speaks(entry.run.header.entry)
        for row in _rows(entry, board)
    )
    return ClaimShown(claim, tuple(measured), (), (), wanted)


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
