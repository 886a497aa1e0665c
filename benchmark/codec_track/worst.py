"""The worst case over attacks, rates and targets of several runs, in one line."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmark.codec_track.score import CodecCellScore, CodecScore
from benchmark.threat import Access, ThreatModel


class Extreme(NamedTuple):
    """The largest figure of any cell, a mean over its images, and where it was found."""

    value: float
    entry: str
    cell: str


class WorstCase(NamedTuple):
    """The largest loss of PSNR, in per cent, and the largest inflation, each of one cell."""

    psnr_loss_percent: Extreme | None
    inflation: Extreme | None

    @property
    def line(self) -> str:
        """As `-61.55 % PSNR / 19.15x bpp`, the form of Sun et al. 2024."""
        loss, rate = self.psnr_loss_percent, self.inflation
        psnr = f"−{loss.value:.2f} % PSNR" if loss and loss.value > 0 else "no PSNR lost"
        return f"{psnr} / {rate.value:.2f}× bpp" if rate else f"{psnr} / no bpp"


def worst_case(
    scores: Iterable[tuple[str, CodecScore]], threat: ThreatModel | None = None
) -> WorstCase:
    """Over the runs `(entry, score)` and their attacks, those inside `threat` if one is given."""
    cells = [
        (entry, cell)
        for entry, score in scores
        for cell in score.cells
        if cell.cell.access is not Access.NOISE and (threat is None or _inside(cell, threat))
    ]
    losses = [
        Extreme(cell.damage.psnr_loss_percent.estimate, entry, cell.cell.name)
        for entry, cell in cells
        if cell.damage.psnr_loss_percent
    ]
    rates = [
        Extreme(cell.damage.inflation.estimate, entry, cell.cell.name)
        for entry, cell in cells
        if cell.damage.inflation
    ]
    return WorstCase(_largest(losses), _largest(rates))


def _inside(score: CodecCellScore, threat: ThreatModel) -> bool:
    return score.cell.norm == threat.norm and 0 < (score.cell.radius or 0) <= threat.radius


def _largest(extremes: Sequence[Extreme]) -> Extreme | None:
    return max(extremes, key=lambda extreme: extreme.value, default=None)
