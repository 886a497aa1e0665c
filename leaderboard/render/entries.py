"""The page of an entry: what it is, and what it reached under every protocol."""

from collections.abc import Sequence

from benchmark.records import Run
from leaderboard.render.about import About
from leaderboard.render.boards import Board, row_of
from leaderboard.render.codec_boards import CodecBoard, codec_on_board
from leaderboard.render.curves import rate_plot
from leaderboard.render.entry import Entry, mean_figure
from leaderboard.render.entry_page import EntryPage
from leaderboard.render.figures import Plot
from leaderboard.render.gallery import slides
from leaderboard.render.heads import history, status_row
from leaderboard.render.pages import EntryOnBoard, StatusRow
from leaderboard.render.parts import entry_part, flags_of
from leaderboard.render.provenance import bibtex, command, provenance
from leaderboard.render.words import ACCESSES, day, entry_slug, percent, threat_in_words


def entry_page(
    runs: Sequence[Run], boards: Sequence[Board], about: About, coded: Sequence[CodecBoard]
) -> EntryPage:
    """The page of the entry whose runs, of any status, these are; `boards` are those it is on."""
    newest = runs[-1]
    header = newest.header
    shown = [_on_board(board, entry_slug(newest)) for board in boards]
    done = {entry.run.id for board in boards for entry in board.all}
    done |= {entry.run.id for board in coded for entry in board.all}
    return EntryPage(
        slug=entry_slug(newest),
        entry=header.entry,
        title=header.title,
        kind=header.kind,
        parameters=parameters(newest),
        about=about,
        outdated=bool(about.hash) and about.hash != header.submission_hash,
        boards=tuple(shown),
        codec_boards=tuple(codec_on_board(board, entry_slug(newest)) for board in coded),
        unfinished=tuple(_unfinished(run) for run in runs if run.id not in done),
        provenance=provenance(newest, _seconds([*boards, *coded], newest)),
        command=command(newest),
        bibtex=bibtex(newest, about),
    )


def parameters(run: Run) -> str:
    """The settings of the variant, in words."""
    return ", ".join(f"{name} = {value}" for name, value in run.header.parameters.items()) or "none"


def _seconds(boards: Sequence[Board | CodecBoard], run: Run) -> float | None:
    """The time that the run took; None if it has no digest."""
    seconds = {e.run.id: e.digest.seconds for board in boards for e in board.all}
    return seconds.get(run.id)


def _unfinished(run: Run) -> StatusRow:
    if run.status == "completed":
        return StatusRow(run.id, run.header.entry, "not shown", run.detail, day(run.started))
    return status_row(run)


def _on_board(board: Board, slug: str) -> EntryOnBoard:
    entry = board.newest[slug]
    tier = board.tier(entry)
    columns = tuple(access for access, words in ACCESSES.items() if words in board.page.columns)
    return EntryOnBoard(
        board=board.page,
        run_id=entry.run.id,
        row=row_of(entry, columns, tier),
        sentence=_sentence(entry, tier, board),
        flags=flags_of(entry),
        parts=tuple(entry_part(entry, i) for i in range(len(entry.digest.parts))),
        plots=_rate(entry, board),
        gallery=slides(entry),
        history=history(board.by_slug[slug], lambda one: percent(mean_figure(one, "worst"))),
    )


def _rate(entry: Entry, board: Board) -> tuple[Plot, ...]:
    """The curve that the entry is a point of."""
    own = [curve for curve in board.curves if any(e.run.id == entry.run.id for e in curve.entries)]
    return tuple(rate_plot(curve, entry.headline) for curve in own if len(curve.entries) > 1)


def _sentence(entry: Entry, tier: str, board: Board) -> str:
    clean, worst = (percent(mean_figure(entry, field)) for field in ("clean", "worst"))
    beside = [name for t, one in board.tiers if str(t) == tier for name in [one.run.header.entry]]
    shared = len(beside) - 1
    standing = f" Tier {tier} of {board.tiers[-1][0]}" if tier else " Not ranked"
    if tier and shared:
        standing += f", with {shared} other" + ("s" if shared > 1 else "")
        standing += " that cannot be told apart from it"
    return (
        f"{clean.value} % of the pictures are right without attack, {worst.value} % "
        f"({worst.bounds}) under every attack at {threat_in_words(entry.headline)}.{standing}."
    )
