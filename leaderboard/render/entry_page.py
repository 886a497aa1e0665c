"""What the page of an entry says, as plain data."""

from dataclasses import dataclass

from leaderboard.render.about import About
from leaderboard.render.codec_pages import CodecOnBoard
from leaderboard.render.pages import EntryOnBoard, StatusRow


@dataclass(frozen=True)
class EntryPage:
    """A variant of a submission: what it is, and what it reached on every board.

    `commands` repeat its newest run on each.
    """

    slug: str
    entry: str
    title: str
    kind: str
    parameters: str
    about: About
    outdated: bool
    boards: tuple[EntryOnBoard, ...]
    codec_boards: tuple[CodecOnBoard, ...]
    unfinished: tuple[StatusRow, ...]
    provenance: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    bibtex: str
