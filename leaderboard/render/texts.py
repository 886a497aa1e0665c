"""Texts written by hand, in Markdown, as pages."""

import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from markdown_it import MarkdownIt

CHAPTERS = (
    "measured",
    "access",
    "worst-case",
    "rate",
    "sure",
    "flags",
    "rules",
    "submit",
    "limits",
    "method",
    "real-photographs",
    "speed",
    "clusters",
)
"""The chapters of the method in their order; other texts stand elsewhere. Flags have a page."""
APART = ("datasets",)
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Text:
    """A page of text; `body` is HTML that Markdown without HTML made."""

    name: str
    title: str
    body: str


def texts(folder: Path) -> dict[str, Text]:
    """Every Markdown file of the folder, by name."""
    return {path.stem: text(path) for path in sorted(folder.glob("*.md"))}


def text(path: Path, name: str = "") -> Text:
    """One Markdown file; its first heading is the title."""
    source = path.read_text(encoding="utf-8")
    first = source.lstrip().splitlines()[0] if source.strip() else ""
    # What scrolls must be reachable by keyboard.
    body = MARKDOWN.render(source).replace("<pre>", '<pre tabindex="0">')
    # A wide table scrolls alone; a keyboard must reach what scrolls, and each needs its own name.
    numbers = count(1)
    body = re.sub(
        "<table>",
        lambda _: (
            '<div class="scroll" tabindex="0" role="region" '
            f'aria-label="Table {next(numbers)}"><table>'
        ),
        body,
    ).replace("</table>", "</table></div>")
    body = re.sub(r"<th([ >])", r'<th scope="col"\1', body)
    return Text(name or path.stem, first.lstrip("# ") or path.stem, body)


def chapters(found: dict[str, Text]) -> tuple[tuple[str, str], ...]:
    """Name and title of every chapter of the method, in order."""
    titles = {name: one.title for name, one in found.items()} | {"flags": "Flags"}
    known = [name for name in CHAPTERS if name in titles]
    others = [name for name in titles if name not in (*CHAPTERS, *APART)]
    return tuple((name, titles[name]) for name in [*known, *others])
