"""From the store to a folder of static files. Same runs, same bytes."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt

from benchmark.errors import CallError
from benchmark.flags import raised
from benchmark.records import Run
from benchmark.score import score
from leaderboard.render.boards import board_page
from leaderboard.render.entries import run_page
from leaderboard.render.pages import BoardPage, RunPage, Scored, board_slug, flag_texts
from leaderboard.store import Store
from leaderboard.store.store import COMPLETED

SITE = Path(__file__).parents[2] / "site"
MARKER = ".squeezebench-site"


def render(store: Store, folder: Path) -> Path:
    """Write the site into `folder`, whole or not at all; returns the folder."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise CallError(
            f"{folder} is not empty and no site that squeezebench made; choose another --out"
        )
    scored = [_scored(store.run(run.id)) for run in store.runs() if run.status == COMPLETED]
    boards = _boards(scored)
    entries = [run_page(one, boards[board_slug(one.run)]) for one in scored]
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write(partial, list(boards.values()), entries)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _scored(run: Run) -> Scored:
    names = [record.name for record in run.header.classifiers]
    return Scored(
        run,
        tuple(score(run, name) for name in names),
        tuple(raised(run, name) for name in names),
    )


def _boards(scored: Sequence[Scored]) -> dict[str, BoardPage]:
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        groups.setdefault(board_slug(one.run), []).append(one)
    return {slug: board_page(group) for slug, group in sorted(groups.items())}


def _write(folder: Path, boards: Sequence[BoardPage], entries: Sequence[RunPage]) -> None:
    """Every file of the site, under `folder`."""
    templates = Environment(
        loader=FileSystemLoader(SITE / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = {path.stem: path for path in sorted((SITE / "content").glob("*.md"))}

    def page(path: str, template: str, **content: object) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        content |= {"root": "../" * path.count("/"), "texts": sorted(texts)}
        target.write_text(templates.get_template(template).render(**content), encoding="utf-8")

    page("index.html", "home.html", boards=boards)
    page("flags.html", "flags.html", flags=flag_texts())
    for board in boards:
        page(f"boards/{board.slug}.html", "board.html", board=board)
    for entry in entries:
        page(f"entries/{entry.slug}.html", "entry.html", entry=entry)
    for name, path in texts.items():
        source = path.read_text(encoding="utf-8")
        body = MarkdownIt("commonmark", {"html": False}).enable("table").render(source)
        page(f"{name}.html", "text.html", title=_title(source, name), body=body)
    shutil.copytree(SITE / "static", folder / "static")
    (folder / MARKER).write_text("squeezebench render may replace this folder\n")


def _title(markdown: str, name: str) -> str:
    first = markdown.lstrip().splitlines()[0] if markdown.strip() else ""
    return first.lstrip("# ") or name
