"""What other sites show of this one: an Atom feed, and a badge for each entry."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.render.boards import Board
from leaderboard.render.codec_boards import CodecBoard, inflation
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.entry import Entry, mean_figure
from leaderboard.render.words import entry_slug, percent, threat_in_words

NEWEST = 50
SPACE = uuid.UUID("6f0b6c5e-6a0d-5c55-9f5a-2b8f5f0f9b1e")
"""Namespace of the feed's identifiers; they must never change."""
WIDTHS = {"narrow": "ijl.,:;|'!()[]/ ftr", "wide": "mwMW%@"}


@dataclass(frozen=True)
class FeedItem:
    """One run in the feed."""

    uid: str
    title: str
    link: str
    updated: str
    summary: str


@dataclass(frozen=True)
class Badge:
    """A badge in pixels; `message` is what the right half says."""

    label: str
    message: str
    left: int
    right: int
    color: str


def feed_items(boards: Sequence[Board | CodecBoard]) -> tuple[FeedItem, ...]:
    """The newest completed official runs of all boards."""
    entries: list[tuple[Entry | CodecEntry, str]] = [
        (entry, board.page.title)
        for board in boards
        for entry in board.all
        if entry.run.header.official
    ]
    entries.sort(key=lambda one: (one[0].run.started, one[0].run.id), reverse=True)
    return tuple(_item(entry, title) for entry, title in entries[:NEWEST])


def _item(entry: Entry | CodecEntry, title: str) -> FeedItem:
    run = entry.run
    _, figure, means = _headline(entry)
    return FeedItem(
        uid=f"urn:uuid:{uuid.uuid5(SPACE, f'{run.header.key}:{run.started}:{run.id}')}",
        title=f"{run.header.entry} on {title}",
        link=f"runs/{run.id}.html",
        updated=run.started,
        summary=f"{figure} {means} at {threat_in_words(entry.headline)}.",
    )


def _headline(entry: Entry | CodecEntry) -> tuple[str, str, str]:
    """The first figure of a run: its name, the figure with bounds, and what it is of."""
    if isinstance(entry, CodecEntry):
        worst = inflation(entry)
        shown = f"{worst.value} ({worst.bounds})" if worst.bounds else worst.value
        return "rate inflation", shown, "the bits in the worst case"
    worst = percent(mean_figure(entry, "worst"))
    return "robust accuracy", f"{worst.value} % ({worst.bounds})", "right under every attack"


def badge(entry: Entry | CodecEntry) -> Badge:
    """The badge of an entry's newest run on its first board."""
    label, message, _ = _headline(entry)
    # Gray, for a color would be a verdict.
    return Badge(label, message, _width(label), _width(message), "#4a5563")


def badge_path(entry: Entry | CodecEntry) -> str:
    """Where the badge of an entry is, without the ending."""
    return f"badges/{entry_slug(entry.run)}"


def endpoint(shown: Badge) -> bytes:
    """The badge as services that draw badges from an address want it."""
    content = {
        "schemaVersion": 1,
        "label": shown.label,
        "message": shown.message,
        "color": shown.color.removeprefix("#"),
    }
    return (json.dumps(content, sort_keys=True) + "\n").encode()


def _width(text: str) -> int:
    """About the width of a text of 11 px Verdana, with the room beside it."""
    wide = sum(
        4.2 if letter in WIDTHS["narrow"] else 10.5 if letter in WIDTHS["wide"] else 6.9
        for letter in text
    )
    return round(wide + 12)
