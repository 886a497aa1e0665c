"""Rate-distortion curves of a codec's variants, clean and attacked, and the rate between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.bd_rate import Curve, bd_rate
from benchmark.codec_track.score import CodecCellScore, CodecScore
from benchmark.errors import CallError
from benchmark.records import CLEAN


@dataclass(frozen=True)
class AttackedCurve:
    """Mean bits per pixel and PSNR of each variant, by rising rate, under one cell.

    `bd_rate` is how much more rate, in per cent, the attacked curve takes than the clean one at
    equal PSNR (Bjontegaard); None where the two cannot be compared, and `reason` says why.
    """

    cell: str
    points: tuple[tuple[float, float], ...]
    bd_rate: float | None
    reason: str


def curves(scores: Sequence[CodecScore]) -> tuple[AttackedCurve, ...]:
    """A curve for each cell that every variant's score has, the clean one first."""
    clean = _points([score.clean for score in scores])
    found = [AttackedCurve(CLEAN, clean, 0.0 if len(clean) > 1 else None, "")]
    for name in [cell.cell.name for cell in scores[0].cells] if scores else []:
        cells = [one for score in scores for one in score.cells if one.cell.name == name]
        if len(cells) == len(scores):
            found.append(_compared(name, clean, _points(cells)))
    return tuple(found)


def _points(cells: Sequence[CodecCellScore]) -> tuple[tuple[float, float], ...]:
    pairs = [(one.quality.bits_per_pixel, one.quality.psnr) for one in cells]
    return tuple(sorted((rate.estimate, psnr.estimate) for rate, psnr in pairs if rate and psnr))


def _compared(
    name: str, clean: tuple[tuple[float, float], ...], attacked: tuple[tuple[float, float], ...]
) -> AttackedCurve:
    if len(attacked) < len(clean):
        return AttackedCurve(name, attacked, None, "a variant has no PSNR")
    try:
        anchor, other = (Curve(*zip(*points, strict=True)) for points in (clean, attacked))
        return AttackedCurve(name, attacked, bd_rate(anchor, other), "")
    except (CallError, TypeError) as problem:
        return AttackedCurve(name, attacked, None, str(problem))
