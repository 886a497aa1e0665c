"""What the pages say, as plain data: ranked, rounded and worded; templates only print it."""

from dataclasses import dataclass

from leaderboard.render.figures import Plot
from leaderboard.render.words import Figure


@dataclass(frozen=True)
class FlagShown:
    """A flag that a run raised: before which classifier, by what figures, and what it means."""

    name: str
    classifier: str
    evidence: str
    means: str


@dataclass(frozen=True)
class FlagText:
    """A flag on the page that lists them all."""

    name: str
    raised_if: str
    means: str


@dataclass(frozen=True)
class PartOfRow:
    """An entry before one classifier; `by_access` has a figure for every column of the board."""

    classifier: str
    clean: Figure
    by_access: tuple[Figure, ...]
    worst: Figure
    challenged: Figure


@dataclass(frozen=True)
class RowHead:
    """What a row of either track says of its entry; `tier` is empty for what is not ranked."""

    tier: str
    entry: str
    title: str
    link: str
    run_id: int
    kind: str
    learned: bool
    randomized: bool
    flags: tuple[str, ...]
    protocol: str
    date: str
    note: str


@dataclass(frozen=True)
class Row(RowHead):
    """An entry on a board. `clean` and `robust` are means over the board's classifiers.

    `robust` counts challenges, and `challenged` says that there are some. `curve` is the points of
    a small line: the worst case over growing attacks.
    """

    clean: Figure
    robust: Figure
    curve: str
    rate: Figure
    milliseconds: Figure
    parts: tuple[PartOfRow, ...]
    challenged: bool


@dataclass(frozen=True)
class StatusRow:
    """A run that has no figures, and why."""

    run_id: int
    entry: str
    status: str
    detail: str
    date: str


@dataclass(frozen=True)
class Answer:
    """A question of a reader in a hurry, and what a board says to it."""

    question: str
    answer: str


@dataclass(frozen=True)
class MatchedRow:
    """A codec's accuracy at each rate of the table: without attack, and in the worst case."""

    name: str
    settings: str
    reach: str
    cells: tuple[tuple[Figure, Figure], ...]


@dataclass(frozen=True)
class Matched:
    """Codecs at the same rates, read off their own curves."""

    rates: tuple[str, ...]
    rows: tuple[MatchedRow, ...]


@dataclass(frozen=True)
class BoardHead:
    """What a board of either track says before its rows.

    `current` is False for a protocol that is not, or no longer, one of the project's.
    """

    slug: str
    title: str
    track: str
    protocol: str
    protocol_hash: str
    dataset: str
    fingerprint: str
    images: int
    threat: str
    size: str
    current: bool


@dataclass(frozen=True)
class BoardPage(BoardHead):
    """Runs of one protocol on one set of pictures; no other runs are compared with them.

    `columns` are the accesses that any row has. `plots` are grouped under a heading each;
    `presets` are filters.
    """

    classifiers: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    unofficial: tuple[Row, ...]
    unfinished: tuple[StatusRow, ...]
    answers: tuple[Answer, ...]
    plots: tuple[tuple[str, tuple[Plot, ...]], ...]
    matched: Matched | None
    presets: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CellRow:
    """One attack alone."""

    access: str
    attack: str
    budget: str
    gradient: str
    accuracy: Figure
    steps: str
    queries: str


@dataclass(frozen=True)
class ChallengeRow:
    """Pictures that somebody handed in against a run."""

    at: str
    by: str
    budget: str
    broken: str
    sha256: str


@dataclass(frozen=True)
class EntryPart:
    """An entry before one classifier: its figures, each with its name, and what stands behind."""

    classifier: str
    figures: tuple[tuple[str, Figure], ...]
    draws: int
    challenges: tuple[ChallengeRow, ...]
    plots: tuple[Plot, ...]
    cells: tuple[CellRow, ...]


@dataclass(frozen=True)
class HistoryRow:
    """An earlier or later run of the entry under the same protocol."""

    run_id: int
    date: str
    status: str
    robust: Figure
    note: str


@dataclass(frozen=True)
class Tile:
    """A picture of the gallery: its file, its sides as shown, and what is said below it."""

    file: str
    width: int
    height: int
    label: str
    said: str


@dataclass(frozen=True)
class Slide:
    """An image in the gallery: what decided of it, and its pictures in a row."""

    title: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class EntryOnBoard:
    """An entry under one protocol: its newest run."""

    board: BoardHead
    run_id: int
    row: Row
    sentence: str
    flags: tuple[FlagShown, ...]
    parts: tuple[EntryPart, ...]
    plots: tuple[Plot, ...]
    gallery: tuple[Slide, ...]
    history: tuple[HistoryRow, ...]


@dataclass(frozen=True)
class RunPage:
    """One run: what came of it, every attack, its provenance, the command that reproduces it."""

    run_id: int
    entry: str
    entry_link: str
    title: str
    status: str
    detail: str
    unofficial_reason: str
    board_slug: str
    board_title: str
    protocol: str
    figures: tuple[tuple[str, str, str, Figure, Figure], ...]
    flags: tuple[FlagShown, ...]
    parts: tuple[EntryPart, ...]
    provenance: tuple[tuple[str, str], ...]
    command: str
