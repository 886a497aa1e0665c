"""All that a site shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.records import Run
from leaderboard.render.about import About
from leaderboard.render.boards import Board
from leaderboard.render.codec_boards import CodecBoard
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.entry import Entry


@dataclass(frozen=True)
class Content:
    """Every run, those with a digest by track, the boards, the manifests.

    `unreadable` says of a run why it has no figures; `database` is the SQLite file of them all.
    """

    runs: tuple[Run, ...]
    entries: Mapping[int, Entry]
    coded: Mapping[int, CodecEntry]
    boards: tuple[Board, ...]
    codec_boards: tuple[CodecBoard, ...]
    about: Mapping[str, About]
    unreadable: Mapping[int, str]
    changelog: Path
    database: Path
