"""Every file of the site, and what it is made from."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.records import Run
from leaderboard.render import codec_data, comparing, data, schema
from leaderboard.render.about import UNKNOWN, About
from leaderboard.render.boards import Board, summary
from leaderboard.render.claims import claims
from leaderboard.render.codec_boards import CodecBoard, codec_flag_texts, codec_run
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.codec_pages import CodecBoardPage
from leaderboard.render.entries import entry_page
from leaderboard.render.entry import Entry
from leaderboard.render.feed import badge, badge_path, endpoint, feed_items
from leaderboard.render.pages import BoardPage
from leaderboard.render.parts import flag_texts
from leaderboard.render.runs import run_page
from leaderboard.render.source import snapshot
from leaderboard.render.templates import SITE, Pages
from leaderboard.render.texts import chapters, text, texts
from leaderboard.render.words import board_slug, entry_slug
from leaderboard.render.writer import Writer

FIRST = 10
"""Rows of a board on the first page."""
DATABASE = "data/squeezebench.sqlite"


RECORDS = {
    "run": schema.RunRecord,
    "board": schema.BoardRecord,
    "index": schema.IndexRecord,
    "codec_run": codec_data.CodecRunRecord,
    "codec_board": codec_data.CodecBoardRecord,
}


@dataclass(frozen=True)
class Content:
    """All that is shown: every run, those with a digest by track, the boards, the manifests."""

    runs: tuple[Run, ...]
    entries: Mapping[int, Entry]
    coded: Mapping[int, CodecEntry]
    boards: tuple[Board, ...]
    codec_boards: tuple[CodecBoard, ...]
    about: Mapping[str, About]
    unreadable: Mapping[int, str]
    changelog: Path


def write(writer: Writer, content: Content, look: str, url: str, database: Path | None) -> None:
    """Every file."""
    page = Pages(writer, look, url)
    _front(page, content, database is not None)
    _texts(page, content)
    for board in content.boards:
        _board(page, writer, board)
    for coded in content.codec_boards:
        _codec_board(page, writer, coded)
    _entries(page, writer, content)
    _runs(page, writer, content)
    index = schema.IndexRecord(
        schema.SCHEMA,
        tuple(
            [board.page.slug for board in content.boards]
            + [board.page.slug for board in content.codec_boards]
        ),
        tuple(sorted((*content.entries, *content.coded))),
        DATABASE if database else None,
    )
    writer.file("data/index.json", index, partial(schema.as_json, index))
    writer.file("data/schema.json", look, partial(schema.schema, RECORDS))
    page("feed.xml", "feed.xml", items=feed_items(content.boards))
    page("404.html", "404.html", root=f"{urlsplit(url).path.rstrip('/')}/" if url else "")
    for path in sorted((SITE / "static").rglob("*")):
        if path.is_file():
            _static(writer, path)
    if database is not None:
        _snapshot(writer, database)


def _static(writer: Writer, path: Path) -> None:
    hashed = hashlib.sha256(path.read_bytes()).hexdigest()
    writer.file(f"static/{path.relative_to(SITE / 'static').as_posix()}", hashed, path.read_bytes)


def _snapshot(writer: Writer, database: Path) -> None:
    """A copy beside the site becomes part of it; `writer.whole` tells whether it is as it was."""
    copy = writer.partial.with_name(writer.partial.name + ".sqlite")
    copy.unlink(missing_ok=True)
    try:
        snapshot(database, copy)
        target = writer.partial / DATABASE
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(copy, target)
    finally:
        copy.unlink(missing_ok=True)
    writer.keys[DATABASE] = writer.whole


def _front(page: Pages, content: Content, database: bool) -> None:
    pages = [board.page for board in content.boards]
    codecs = [board.page for board in content.codec_boards]
    every: list[BoardPage | CodecBoardPage] = [*pages, *codecs]
    shown = [one for one in pages if one.current] or pages[:1]
    coded = [one for one in codecs if one.current] or codecs[:1]
    others = [(one, summary(one)) for one in every if one not in shown and one not in coded]
    unfinished = len(content.runs) - len(content.entries) - len(content.coded)
    page(
        "index.html",
        "home.html",
        boards=shown,
        codec_boards=coded,
        others=others,
        first=FIRST,
        runs=len(content.runs),
    )
    page("archive.html", "archive.html", boards=[(one, summary(one)) for one in every])
    page("compare.html", "compare.html", boards=comparing.boards_for_comparing(content.boards))
    page(
        "data.html",
        "data.html",
        boards=every,
        runs=len(content.entries) + len(content.coded),
        unfinished=unfinished,
        database=DATABASE if database else "",
        version=schema.SCHEMA,
    )
    page("papers.html", "papers.html", claims=claims(SITE / "content/claims.toml", content.boards))


def _texts(page: Pages, content: Content) -> None:
    found = texts(SITE / "content")
    listed = chapters(found)
    for name, one in found.items():
        sets = _picture_sets(content) if name == "datasets" else ()
        page(f"{name}.html", "text.html", text=one, chapters=listed, sets=sets, here=name)
    page(
        "flags.html",
        "flags.html",
        flags=flag_texts(),
        codec_flags=codec_flag_texts(),
        chapters=listed,
        here="flags",
    )
    changes = text(content.changelog, "changelog")
    page("changelog.html", "text.html", text=changes, chapters=(), sets=(), here="")


def _picture_sets(content: Content) -> tuple[tuple[str, int, str, str], ...]:
    """Of every set of pictures that was judged: dataset, number, fingerprint, protocol."""
    return tuple(
        dict.fromkeys(
            (
                run.header.dataset,
                run.header.images,
                run.header.dataset_fingerprint,
                run.header.protocol,
            )
            for run in content.runs
        )
    )


def _board(page: Pages, writer: Writer, board: Board) -> None:
    slug = board.page.slug
    page(f"boards/{slug}.html", "board.html", board=board.page)
    record = data.board_record(board)
    writer.file(f"data/boards/{slug}.json", record, partial(schema.as_json, record))
    writer.file(f"data/boards/{slug}.csv", record, partial(data.board_csv, board))
    if len(board.tiers) > 1:
        images = board.tiers[0][1].images
        writer.file(
            f"data/compare/{slug}.js", images, partial(comparing.images_for_comparing, images)
        )
        for _, entry in board.tiers:
            packed = comparing.for_comparing(entry)
            writer.file(f"data/compare/{entry.run.id}.js", packed, partial(bytes, packed))


def _codec_board(page: Pages, writer: Writer, board: CodecBoard) -> None:
    slug = board.page.slug
    page(f"boards/{slug}.html", "codec_board.html", board=board.page)
    record = codec_data.board_record(board)
    writer.file(f"data/boards/{slug}.json", record, partial(schema.as_json, record))
    writer.file(f"data/boards/{slug}.csv", record, partial(codec_data.board_csv, board))


def _entries(page: Pages, writer: Writer, content: Content) -> None:
    groups: dict[str, list[Run]] = {}
    for run in content.runs:
        groups.setdefault(entry_slug(run), []).append(run)
    on_boards: dict[str, list[Board]] = {}
    for board in content.boards:
        for entry in board.newest.values():
            on_boards.setdefault(entry_slug(entry.run), []).append(board)
    on_codec_boards: dict[str, list[CodecBoard]] = {}
    for coded in content.codec_boards:
        for slug in coded.newest:
            on_codec_boards.setdefault(slug, []).append(coded)
    for slug, runs in groups.items():
        about = content.about.get(runs[-1].header.submission, UNKNOWN)
        boards = on_boards.get(slug, [])
        page(
            f"entries/{slug}.html",
            "entry.html",
            entry=entry_page(runs, boards, about, on_codec_boards.get(slug, [])),
        )
        if boards:
            newest = boards[0].newest[slug]
            shown, path = badge(newest), badge_path(newest)
            page(f"{path}.svg", "badge.svg", badge=shown)
            writer.file(f"{path}.json", shown, partial(endpoint, shown))


def _runs(page: Pages, writer: Writer, content: Content) -> None:
    for run in content.runs:
        entry = content.entries.get(run.id)
        why = content.unreadable.get(run.id, "")
        coded = content.coded.get(run.id)
        if coded is not None:
            _codec_run(page, writer, content, coded)
            continue
        page(f"runs/{run.id}.html", "run.html", run=run_page(run, entry, why))
        if entry is not None:
            record = data.run_record(entry)
            writer.file(f"data/runs/{run.id}.json", record, partial(schema.as_json, record))
            table = entry.digest.table
            writer.file(f"data/runs/{run.id}.csv", table, table.encode)


def _codec_run(page: Pages, writer: Writer, content: Content, entry: CodecEntry) -> None:
    slug, number = board_slug(entry.run), entry.run.id
    board = next(one for one in content.codec_boards if one.page.slug == slug)
    shown = codec_run(board, entry)
    page(f"runs/{number}.html", "codec_run.html", run=run_page(entry.run, None), on=shown)
    record = codec_data.run_record(entry)
    writer.file(f"data/runs/{number}.json", record, partial(schema.as_json, record))
    writer.file(f"data/runs/{number}.csv", entry.digest.table, entry.digest.table.encode)
