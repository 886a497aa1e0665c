"""What stored runs of the codec track say to what papers claimed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.codec_track.worst import worst_case
from benchmark.records import Cell, Interval
from benchmark.score import inside
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.render.codec_boards import CodecBoard
from leaderboard.render.codec_entry import CodecEntry, value
from leaderboard.render.parts import attack_in_words
from leaderboard.render.words import Figure, aim_in_words, entry_slug, rate, threat_in_words

UNAWARE = (Access.VANILLA, Access.TRANSFER)
AWARE = (Access.WHITE_BOX, Access.EOT)

Wanted = Callable[[str], bool]
"""Whether an entry of that name speaks to a claim."""


@dataclass(frozen=True)
class CodedRow:
    """A codec, and the most that attacks at the headline do to it in the mean over images.

    The `bare` codec was attacked without its defense, the `defended` one with all of it; of a codec
    without a defense there is no difference, so it has no figures of the latter.
    """

    entry: str
    link: str
    board: str
    board_link: str
    threat: str
    rate: Figure
    psnr: Figure
    bare: tuple[Figure, Figure]
    defended: tuple[Figure, Figure]


@dataclass(frozen=True)
class ExtremeRow:
    """The largest figure of a board: of which kind, of which entry, under which attack."""

    board: str
    board_link: str
    kind: str
    figure: str
    entry: str
    link: str
    attack: str


def coded_rows(wanted: Wanted, boards: Sequence[CodecBoard]) -> tuple[CodedRow, ...]:
    """The ranked entries that speak to a claim, on every board."""
    return tuple(
        _row(entry, board)
        for board in boards
        for _, entry in board.tiers
        if wanted(entry.run.header.entry)
    )


def _row(entry: CodecEntry, board: CodecBoard) -> CodedRow:
    clean = entry.digest.score.clean.quality
    return CodedRow(
        entry=entry.run.header.entry,
        link=f"entries/{entry_slug(entry.run)}.html",
        board=board.page.title,
        board_link=f"boards/{board.page.slug}.html",
        threat=threat_in_words(entry.headline),
        rate=rate(clean.bits_per_pixel),
        psnr=value(clean.psnr, 1),
        bare=_most(entry, UNAWARE),
        defended=_most(entry, AWARE),
    )


def _most(entry: CodecEntry, accesses: Sequence[Access]) -> tuple[Figure, Figure]:
    """The largest mean inflation and loss of PSNR, each of one attack."""
    within = inside([one.cell for one in entry.digest.score.cells], entry.headline)
    cells = [
        one
        for one in entry.digest.score.cells
        if one.cell in within and one.cell.access in accesses
    ]
    inflation = _largest([one.damage.inflation for one in cells])
    return value(inflation, unit="×"), value(_largest([one.damage.psnr_loss for one in cells]))


def _largest(intervals: Sequence[Interval | None]) -> Interval | None:
    known = [one for one in intervals if one is not None]
    return max(known, key=lambda one: one.estimate, default=None)


def extremes(wanted: Wanted, boards: Sequence[CodecBoard]) -> tuple[ExtremeRow, ...]:
    """The worst of every board over attacks, radii and the ranked entries that speak to a claim."""
    return tuple(row for board in boards for row in _of_board(wanted, board))


def _of_board(wanted: Wanted, board: CodecBoard) -> Iterator[ExtremeRow]:
    entries = {
        entry.run.header.entry: entry for _, entry in board.tiers if wanted(entry.run.header.entry)
    }
    found = worst_case((name, entry.digest.score) for name, entry in entries.items())
    for kind, extreme, said in (
        ("PSNR lost", found.psnr_loss_percent, "{:.2f} %"),
        ("Bits per pixel", found.inflation, "{:.2f}×"),
    ):
        if extreme is not None:
            yield ExtremeRow(
                board=board.page.title,
                board_link=f"boards/{board.page.slug}.html",
                kind=kind,
                figure=said.format(extreme.value),
                entry=extreme.entry,
                link=f"entries/{entry_slug(entries[extreme.entry].run)}.html",
                attack=_attack(entries[extreme.entry], extreme.cell),
            )


def _attack(entry: CodecEntry, name: str) -> str:
    cell: Cell = next(cell for cell in entry.run.header.cells if cell.name == name)
    size = threat_in_words(ThreatModel(Norm(cell.norm or ""), cell.radius or 0))
    return f"{aim_in_words(cell)}, {attack_in_words(cell)}, {size}"
