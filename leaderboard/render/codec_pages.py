"""What the pages of the codec track say, as plain data."""

from dataclasses import dataclass

from leaderboard.render.figures import Plot
from leaderboard.render.pages import (
    Answer,
    BoardHead,
    FlagShown,
    HistoryRow,
    RowHead,
    Slide,
    StatusRow,
)
from leaderboard.render.words import Figure


@dataclass(frozen=True)
class CodecRow(RowHead):
    """An entry on a board of the codec track."""

    inflation: Figure
    psnr_loss: Figure
    psnr_loss_percent: Figure
    rate: Figure
    psnr: Figure
    failures: Figure
    encode: Figure
    decode: Figure


@dataclass(frozen=True)
class BdRow:
    """A codec's extra rate at equal PSNR under one attack, or why there is none."""

    codec: str
    settings: str
    attack: str
    bd_rate: Figure
    reason: str


@dataclass(frozen=True)
class CodecBoardPage(BoardHead):
    """Runs of one protocol of the codec track on one set of pictures; `presets` are filters."""

    rows: tuple[CodecRow, ...]
    unofficial: tuple[CodecRow, ...]
    unfinished: tuple[StatusRow, ...]
    answers: tuple[Answer, ...]
    bd_rates: tuple[BdRow, ...]
    presets: tuple[tuple[str, str], ...]
    plots: tuple[Plot, ...]


@dataclass(frozen=True)
class CodecCellRow:
    """One attack alone."""

    access: str
    attack: str
    objective: str
    budget: str
    inflation: Figure
    psnr_loss: Figure
    ms_ssim_loss: Figure
    lpips_gain: Figure
    input_psnr: Figure
    failures: Figure


@dataclass(frozen=True)
class CodecOnBoard:
    """An entry under one protocol: its newest run."""

    board: BoardHead
    run_id: int
    row: CodecRow
    sentence: str
    figures: tuple[tuple[str, Figure], ...]
    flags: tuple[FlagShown, ...]
    cells: tuple[CodecCellRow, ...]
    plots: tuple[Plot, ...]
    gallery: tuple[Slide, ...]
    history: tuple[HistoryRow, ...]
    draws: int
