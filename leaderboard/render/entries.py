"""The page of an entry: what it is, and what it reached under every protocol."""

from collections.abc import Sequence
from typing import Any

from benchmark.records import Run
from leaderboard.render.about import About
from leaderboard.render.boards import Board, row_of
from leaderboard.render.codec_boards import CodecBoard, codec_on_board
from leaderboard.render.entry import Entry, mean_figure
from leaderboard.render.entry_page import EntryPage
from leaderboard.render.gallery import slides
from leaderboard.render.heads import Group, head_of, history, status_row
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
    slug = entry_slug(newest)
    groups: list[Group[Any]] = [*boards, *coded]
    shown = [group.newest[slug].run for group in groups]
    seconds = {one.run.id: one.digest.seconds for group in groups for one in group.by_slug[slug]}
    return EntryPage(
        slug=slug,
        entry=header.entry,
        title=header.title,
        kind=header.kind,
        parameters=parameters(newest),
        about=about,
        outdated=bool(about.hash) and about.hash != header.submission_hash,
        boards=tuple(_on_board(board, slug) for board in boards),
        codec_boards=tuple(codec_on_board(board, slug) for board in coded),
        unfinished=tuple(_unfinished(run) for run in runs if run.id not in seconds),
        provenance=provenance(newest, seconds.get(newest.id)),
        commands=tuple(dict.fromkeys(command(run) for run in shown)) or (command(newest),),
        bibtex=bibtex(newest, about),
    )


def parameters(run: Run) -> str:
    """The settings of the variant, in words."""
    return ", ".join(f"{name} = {value}" for name, value in run.header.parameters.items()) or "none"


def _unfinished(run: Run) -> StatusRow:
    if run.status == "completed":
        return StatusRow(run.id, run.header.entry, "not shown", run.detail, day(run.started))
    return status_row(run)


def _on_board(board: Board, slug: str) -> EntryOnBoard:
    entry = board.newest[slug]
    tier = board.tier(entry)
    columns = tuple(access for access, words in ACCESSES.items() if words in board.page.columns)
    return EntryOnBoard(
        board=head_of(board.page),
        run_id=entry.run.id,
        row=row_of(entry, columns, tier),
        sentence=_sentence(entry, tier, board),
        flags=flags_of(entry),
        parts=tuple(entry_part(entry, i) for i in range(len(entry.digest.parts))),
        plots=board.rate_plots.get(entry.run.id, ()),
        gallery=slides(entry),
        history=history(board.by_slug[slug], lambda one: percent(mean_figure(one, "worst"))),
    )


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
