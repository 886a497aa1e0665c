"""What an outcome of the codec track says beside the clean one of its image."""

from collections.abc import Callable, Iterable, Mapping

from benchmark.records import CodecOutcome, Interval, Run
from benchmark.score import bootstrap_mean

ByImage = Mapping[str, CodecOutcome]
Figure = Callable[[CodecOutcome, CodecOutcome], float | None]
"""Of an attacked and a clean outcome, `(attacked, clean) -> value`; None if one lacks it."""


def outcomes_by_cell(run: Run) -> dict[str, dict[str, CodecOutcome]]:
    """Every outcome, by cell and image."""
    by_cell: dict[str, dict[str, CodecOutcome]] = {}
    for outcome in run.codec_outcomes:
        by_cell.setdefault(outcome.cell, {})[outcome.image] = outcome
    return by_cell


def bits_per_pixel(outcome: CodecOutcome) -> float | None:
    """Real bits over the pixels of the unpadded image."""
    return None if outcome.bits is None else outcome.bits / outcome.pixels


def inflation(attacked: CodecOutcome, clean: CodecOutcome) -> float | None:
    """Bits attacked over bits clean."""
    return attacked.bits / clean.bits if attacked.bits and clean.bits else None


def psnr_loss(attacked: CodecOutcome, clean: CodecOutcome) -> float | None:
    """Decibels of PSNR lost, against what was coded."""
    return less(clean.psnr, attacked.psnr)


def psnr_loss_percent(attacked: CodecOutcome, clean: CodecOutcome) -> float | None:
    """The same in per cent of the clean PSNR."""
    loss = psnr_loss(attacked, clean)
    return None if loss is None or not clean.psnr else 100 * loss / clean.psnr


def rd_gain(attacked: CodecOutcome, clean: CodecOutcome) -> float | None:
    """The R-D loss that the attack added."""
    return less(attacked.rd_loss, clean.rd_loss)


def paired(figure: Figure, attacked: ByImage, clean: ByImage) -> dict[str, float]:
    """`figure` of each image that has it."""
    found = {image: figure(one, clean[image]) for image, one in attacked.items()}
    return {image: value for image, value in found.items() if value is not None}


def mean_of(values: Iterable[float | None]) -> Interval | None:
    """Mean of those that are there with its bootstrap interval; None if none is."""
    known = [value for value in values if value is not None]
    return bootstrap_mean(known) if known else None


def less(first: float | None, second: float | None) -> float | None:
    """The first less the second, if both are there."""
    return None if first is None or second is None else first - second
