"""What commands say of the codec track on a terminal: a board of entries, attacks of one entry."""

from collections.abc import Sequence
from itertools import compress
from typing import Literal

from rich.console import Console
from rich.table import Table

from benchmark.codec_track.curves import curves
from benchmark.codec_track.flags import raised
from benchmark.codec_track.score import CodecCellScore, CodecScore, codec_score
from benchmark.codec_track.worst import worst_case
from benchmark.protocol import CodecProtocol
from benchmark.records import Interval, Run
from benchmark.threat import ThreatModel

MISSING = "–"
WIDE, NARROW = 140, 120
"""Columns of a terminal from which on bounds are shown, and below which figures are left out."""
BOARD = (
    *("entry", "bpp", "PSNR", "bits ×", "PSNR −dB", "fail %"),
    *("noise ×", "noise −dB", "enc ms", "dec ms"),
)
FEWER = 6
"""Columns of the board on a narrow terminal."""
CELLS = (
    *("attack", "bits ×", "PSNR −dB", "MS-SSIM −", "R-D +", "input dB"),
    *("fail %", "likelihood"),
)
SPARED = {"MS-SSIM −", "R-D +", "input dB", "likelihood"}
"""Columns of the attacks that a narrow terminal leaves out."""

MEANS = {
    "bits ×": "bits over those of the clean picture",
    "PSNR −dB": "decibels of PSNR lost",
    "MS-SSIM −": "MS-SSIM lost",
    "R-D +": "what rate and distortion together went up by",
    "input dB": "PSNR between attacked and clean picture",
    "fail %": "pictures that did not come back",
    "noise ×": "bits under noise of the attack's size",
    "noise −dB": "PSNR lost under it",
    "likelihood": "what the codec's own model expects of bits, beside the real ones",
}
"""What a column says, for a line below the tables."""


def codec_tables(console: Console, protocol: CodecProtocol, runs: Sequence[Run]) -> None:
    """A board over the runs; of one run alone, every attack; flags and the worst case in a line."""
    scores = [(run.header.entry, codec_score(run)) for run in runs]
    threat = protocol.headline_threat
    title = f"{protocol.name}: worst case of each image over the attacks, {threat}"
    columns = BOARD if console.width >= NARROW else BOARD[:FEWER]
    board = _table(title, columns)
    for entry, score in scores:
        row = (entry, *_row(score, threat, bounds=console.width >= WIDE))
        board.add_row(*row[: len(columns)])
    console.print(board)
    kept = [console.width >= NARROW or column not in SPARED for column in CELLS]
    cells = tuple(compress(CELLS, kept)) if len(runs) == 1 else ()
    for entry, score in scores if cells else ():
        table = _table(f"{entry}: each attack, mean over its images", cells)
        for cell in score.cells:
            table.add_row(*compress(_cell(cell, bounds=console.width >= WIDE), kept))
        console.print(table)
    shown = (*columns, *cells)
    _say(console, "; ".join(f"{name}: {said}" for name, said in MEANS.items() if name in shown))
    for name, together in _families(runs, scores).items():
        for curve in curves(together)[1:]:
            if curve.bd_rate is not None:
                _say(console, f"{name}, {curve.cell}: BD-rate {_minus(f'{curve.bd_rate:+.1f}')} %")
    for run in runs:
        for flag in raised(run):
            _say(console, f"{run.header.entry} raises {flag.name}: {flag.evidence}")
    for ball, where in ((threat, f"inside {threat}"), (None, "over all balls")):
        _say(console, f"worst of any attack {where}: {worst_case(scores, ball).line}")


def _families(
    runs: Sequence[Run], scores: Sequence[tuple[str, CodecScore]]
) -> dict[str, list[CodecScore]]:
    """Scores of the variants of one submission, around one codec if it names several."""
    found: dict[str, list[CodecScore]] = {}
    for run, (_, score) in zip(runs, scores, strict=True):
        codec = run.header.parameters.get("codec")
        name = run.header.submission + (f" around {codec}" if codec else "")
        found.setdefault(name, []).append(score)
    return {name: together for name, together in found.items() if len(together) > 1}


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title)
    for i, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if i else "left"
        # Where it gets narrow, names are folded, so that no figure is cut.
        table.add_column(column, justify=justify, no_wrap=i > 0, overflow="fold")
    return table


def _row(score: CodecScore, threat: ThreatModel, *, bounds: bool) -> list[str]:
    worst = score.at(threat)
    noise = [
        cell.damage
        for cell in score.cells
        if cell.cell.access == "noise" and _ball(cell) == (threat.norm.value, threat.radius)
    ]
    control = noise[0] if noise else None
    quality = score.clean.quality
    return [
        number(quality.bits_per_pixel, 3),
        number(quality.psnr, 2),
        number(worst.inflation if worst else None, 2, bounds=bounds),
        number(worst.psnr_loss if worst else None, 2, bounds=bounds),
        f"{100 * worst.failures.estimate:.0f}" if worst else MISSING,
        number(control.inflation if control else None, 2),
        number(control.psnr_loss if control else None, 2),
        milliseconds(score.encode_milliseconds),
        milliseconds(score.decode_milliseconds),
    ]


def _ball(cell: CodecCellScore) -> tuple[str | None, float | None]:
    return cell.cell.norm, cell.cell.radius


def _cell(cell: CodecCellScore, *, bounds: bool) -> list[str]:
    damage = cell.damage
    gap = cell.likelihood_gap
    return [
        cell.cell.name,
        number(damage.inflation, 2, bounds=bounds),
        number(damage.psnr_loss, 2, bounds=bounds),
        number(damage.ms_ssim_loss, 4),
        number(damage.rd_loss, 3),
        MISSING if cell.input_psnr is None else f"{cell.input_psnr:.1f}",
        f"{100 * cell.failures.estimate:.0f}",
        MISSING if gap is None else _minus(f"{100 * gap:+.1f} %"),
    ]


def number(interval: Interval | None, digits: int, *, bounds: bool = False) -> str:
    """An estimate, with its 95 % bounds if they are asked for."""
    if interval is None:
        return MISSING
    shown = f"{interval.estimate:.{digits}f}"
    if not bounds:
        return _minus(shown)
    return _minus(f"{shown} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]")


def _minus(figure: str) -> str:
    """With the sign that the heads of the columns have."""
    return figure.replace("-", "−")


def milliseconds(value: float | None) -> str:
    """Time of one picture."""
    return MISSING if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)
