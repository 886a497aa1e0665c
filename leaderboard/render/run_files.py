"""The files of boards, of their entries and of every run."""

from functools import partial

from benchmark.records import Run
from leaderboard.render import codec_comparing, comparing, data, schema, shots
from leaderboard.render.about import UNKNOWN
from leaderboard.render.boards import Board
from leaderboard.render.codec_boards import CodecBoard, codec_run
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.content import Content
from leaderboard.render.entries import entry_page
from leaderboard.render.entry import Entry
from leaderboard.render.feed import badge, badge_path, endpoint
from leaderboard.render.runs import run_page
from leaderboard.render.templates import Pages
from leaderboard.render.words import board_slug, entry_slug
from leaderboard.render.writer import Writer


def write_boards(page: Pages, writer: Writer, content: Content) -> None:
    """Every board with its data, and what the page that compares entries reads."""
    for board in content.boards:
        slug = board.page.slug
        page(f"boards/{slug}.html", "board.html", board=board.page)
        _records(writer, f"data/boards/{slug}", data.board_record(board))
        writer.file(f"data/boards/{slug}.csv", board.page.rows, partial(data.board_csv, board))
        if len(board.tiers) > 1:
            _images(writer, board)
            for _, entry in board.tiers:
                _run(writer, entry, comparing.for_comparing(entry))
    for coded in content.codec_boards:
        slug, rows = coded.page.slug, coded.page.rows
        page(f"boards/{slug}.html", "codec_board.html", board=coded.page)
        _records(writer, f"data/boards/{slug}", data.codec_board_record(coded))
        writer.file(f"data/boards/{slug}.csv", rows, partial(data.codec_board_csv, coded))
        if len(coded.tiers) > 1:
            _images(writer, coded)
            reach = codec_comparing.reaches(coded)
            for _, codec in coded.tiers:
                _run(writer, codec, codec_comparing.codec_for_comparing(codec, reach))


def _records(writer: Writer, path: str, record: schema.RunHead | schema.BoardRecordHead) -> None:
    writer.file(f"{path}.json", record, partial(schema.as_json, record))


def _images(writer: Writer, board: Board | CodecBoard) -> None:
    images = board.tiers[0][1].images
    packed = partial(comparing.images_for_comparing, images)
    writer.file(f"data/compare/{board.page.slug}.js", images, packed)


def _run(writer: Writer, entry: Entry | CodecEntry, run: bytes) -> None:
    writer.file(f"data/compare/{entry.run.id}.js", run, partial(bytes, run))


def write_entries(page: Pages, writer: Writer, content: Content) -> None:
    """The page of every entry, and its badge."""
    groups: dict[str, list[Run]] = {}
    for run in content.runs:
        groups.setdefault(entry_slug(run), []).append(run)
    for slug, runs in groups.items():
        about = content.about.get(runs[-1].header.submission, UNKNOWN)
        boards = [board for board in content.boards if slug in board.newest]
        coded = [board for board in content.codec_boards if slug in board.newest]
        shown = entry_page(runs, boards, about, coded)
        page(f"entries/{slug}.html", "entry.html", entry=shown)
        found: list[Entry | CodecEntry] = [board.newest[slug] for board in boards]
        found += [board.newest[slug] for board in coded]
        for newest in found[:1]:
            drawn, path = badge(newest), badge_path(newest)
            page(f"{path}.svg", "badge.svg", badge=drawn)
            writer.file(f"{path}.json", drawn, partial(endpoint, drawn))


def write_galleries(writer: Writer, content: Content, look: str) -> None:
    """The pictures that the pages of entries show, each once."""
    shown = [(e.run, e.digest.scenes) for board in content.boards for e in board.newest.values()]
    shown += [(e.run, e.digest.scenes) for one in content.codec_boards for e in one.newest.values()]
    for run, scenes in shown:
        for path, make in shots.files_of(run, scenes, content.database):
            if path not in writer.keys:
                writer.file(path, look, make)


def write_runs(page: Pages, writer: Writer, content: Content) -> None:
    """The page and the data of every run, whatever came of it."""
    boards = {board.page.slug: board for board in content.codec_boards}
    for run in content.runs:
        coded, entry = content.coded.get(run.id), content.entries.get(run.id)
        if coded is not None:
            _codec_run(page, writer, boards[board_slug(run)], coded)
            continue
        shown = run_page(run, entry, content.unreadable.get(run.id, ""))
        page(f"runs/{run.id}.html", "run.html", run=shown)
        if entry is not None:
            _records(writer, f"data/runs/{run.id}", data.run_record(entry))
            table = entry.digest.table
            writer.file(f"data/runs/{run.id}.csv", table, table.encode)


def _codec_run(page: Pages, writer: Writer, board: CodecBoard, entry: CodecEntry) -> None:
    number, table = entry.run.id, entry.digest.table
    shown = run_page(entry.run, None)
    page(f"runs/{number}.html", "codec_run.html", run=shown, on=codec_run(board, entry))
    _records(writer, f"data/runs/{number}", data.codec_run_record(entry))
    writer.file(f"data/runs/{number}.csv", table, table.encode)
