"""Every file of the site, and what it is made from."""

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from leaderboard.render import codec_comparing, comparing, schema
from leaderboard.render.boards import summary
from leaderboard.render.claims import claims
from leaderboard.render.codec_boards import codec_flag_texts
from leaderboard.render.codec_pages import CodecBoardPage
from leaderboard.render.content import Content
from leaderboard.render.feed import feed_items
from leaderboard.render.pages import BoardPage
from leaderboard.render.parts import flag_texts
from leaderboard.render.run_files import (
    write_boards,
    write_entries,
    write_galleries,
    write_runs,
)
from leaderboard.render.source import snapshot
from leaderboard.render.templates import SITE, Pages
from leaderboard.render.texts import chapters, text, texts
from leaderboard.render.writer import Writer

FIRST = 10
"""Rows of a board on the first page."""
DATABASE = "data/squeezebench.sqlite"


RECORDS = {
    "run": schema.RunRecord,
    "board": schema.BoardRecord,
    "index": schema.IndexRecord,
    "codec_run": schema.CodecRunRecord,
    "codec_board": schema.CodecBoardRecord,
}


def write(writer: Writer, content: Content, look: str, url: str, database: Path | None) -> None:
    """Every file."""
    with ThreadPoolExecutor(1) as beside:
        copied = beside.submit(_snapshot, writer, database) if database else None
        _pages(writer, content, look, url, database=database is not None)
        if copied is not None:
            copied.result()
            writer.keys[DATABASE] = writer.whole


def _pages(writer: Writer, content: Content, look: str, url: str, *, database: bool) -> None:
    page = Pages(writer, look, url)
    _front(page, content, database)
    _texts(page, content)
    write_boards(page, writer, content)
    write_entries(page, writer, content)
    write_runs(page, writer, content)
    write_galleries(writer, content, look)
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
    page("feed.xml", "feed.xml", items=feed_items([*content.boards, *content.codec_boards]))
    page("404.html", "404.html", root=f"{urlsplit(url).path.rstrip('/')}/" if url else "")
    for path in sorted((SITE / "static").rglob("*")):
        if path.is_file():
            _static(writer, path)


def _static(writer: Writer, path: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".js" and path.parent == SITE / "static":
        content = without_comments(content)
    hashed = hashlib.sha256(content).hexdigest()
    name = path.relative_to(SITE / "static").as_posix()
    writer.file(f"static/{name}", hashed, partial(bytes, content))


def without_comments(script: bytes) -> bytes:
    """A script of ours as browsers get it: no line of comment, no space before a line."""
    lines = (line.strip() for line in script.splitlines())
    return b"".join(line + b"\n" for line in lines if line and not line.startswith(b"//"))


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
    page(
        "compare.html",
        "compare.html",
        boards=comparing.boards_for_comparing([*content.boards, *content.codec_boards]),
        frames=(
            *comparing.frames_for_comparing(content.boards),
            *codec_comparing.codec_frames(content.codec_boards),
        ),
    )
    page(
        "data.html",
        "data.html",
        boards=every,
        runs=len(content.entries) + len(content.coded),
        unfinished=unfinished,
        database=DATABASE if database else "",
        version=schema.SCHEMA,
    )
    page(
        "papers.html",
        "papers.html",
        claims=claims(SITE / "content/claims.toml", content.boards, content.codec_boards),
    )


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
