"""From outcomes of the codec track to scores: inflation, loss of fidelity, failures, time.

Every figure of an attack is paired: of each image, what the attacked picture costs or loses beside
what the clean one did. An image whose attacked picture did not decode has no fidelity; it is
counted as a failure and is in no mean of fidelity.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.codec_track.figures import (
    ByImage,
    Figure,
    bits_per_pixel,
    inflation,
    less,
    mean_of,
    outcomes_by_cell,
    paired,
    psnr_loss,
    psnr_loss_percent,
    rd_gain,
)
from benchmark.records import CLEAN, Cell, CodecOutcome, Interval, Run
from benchmark.score import inside, threats, wilson
from benchmark.threat import Access, ThreatModel


@dataclass(frozen=True)
class Quality:
    """Means over images of what a codec does to them; None where no image has the figure.

    Fidelity is to what was coded. `rd_loss` as in `CodecOutcome`.
    """

    bits_per_pixel: Interval | None
    psnr: Interval | None
    ms_ssim: Interval | None
    lpips: Interval | None
    rd_loss: Interval | None


@dataclass(frozen=True)
class Damage:
    """What an attack does, in the mean over images; None where no image has the figure.

    `inflation` is the mean of each image's bits attacked over its bits clean, `total_inflation` the
    ratio of their sums. `psnr_loss` is in dB and `psnr_loss_percent` in per cent of the image's
    clean PSNR, both of the reconstruction against what was coded; those that begin with `clean_`
    against the clean picture. `rd_loss` is the R-D loss attacked less the clean one. Those that end
    in `_worst_draw` are of the worst draw of each image; None for a deterministic codec.
    """

    inflation: Interval | None
    inflation_worst_draw: Interval | None
    total_inflation: float | None
    psnr_loss: Interval | None
    psnr_loss_worst_draw: Interval | None
    psnr_loss_percent: Interval | None
    clean_psnr_loss: Interval | None
    ms_ssim_loss: Interval | None
    lpips_gain: Interval | None
    rd_loss: Interval | None


@dataclass(frozen=True)
class CodecCellScore:
    """One cell: the codec on attacked pictures, what the attack did, what it spent.

    `input_psnr` is the mean PSNR of changed pictures against the clean ones. `failures` is the
    share of images that failed in some draw. `likelihood_gap` is by how much the bits that the
    codec's own model expects differ from the real ones, as a share of these, over all images.
    """

    cell: Cell
    images: int
    quality: Quality
    damage: Damage
    input_psnr: float | None
    failures: Interval
    likelihood_gap: float | None
    gradient_steps: float
    queries: float


@dataclass(frozen=True)
class Worst:
    """Of each image the worst that any attack of a ball inside `threat` did, in the mean.

    Noise is no attack. `failures` is the share of images that failed under any.
    """

    threat: ThreatModel
    inflation: Interval | None
    psnr_loss: Interval | None
    psnr_loss_percent: Interval | None
    rd_loss: Interval | None
    failures: Interval


@dataclass(frozen=True)
class CodecScore:
    """What a run of the codec track sums up to. Milliseconds are those of one clean picture."""

    images: int
    draws: int
    clean: CodecCellScore
    cells: tuple[CodecCellScore, ...]
    worst: tuple[Worst, ...]
    encode_milliseconds: float | None
    decode_milliseconds: float | None

    def at(self, threat: ThreatModel) -> Worst | None:
        """The worst case at `threat`; None if the protocol has no such cell."""
        return next((worst for worst in self.worst if worst.threat == threat), None)


def codec_score(run: Run) -> CodecScore:
    """The score of a run of the codec track."""
    by_cell = outcomes_by_cell(run)
    clean = by_cell[CLEAN]
    cells = [cell for cell in run.header.cells if cell.name in by_cell]
    scores = {cell.name: _cell_score(cell, by_cell[cell.name], clean) for cell in cells}
    attacks = [cell for cell in cells if cell.access not in (Access.NONE, Access.NOISE)]
    return CodecScore(
        images=len(clean),
        draws=max(outcome.draws for outcome in clean.values()),
        clean=scores.pop(CLEAN),
        cells=tuple(scores.values()),
        worst=tuple(_worst(threat, attacks, by_cell) for threat in threats(attacks)),
        encode_milliseconds=_milliseconds([one.encode_seconds for one in clean.values()]),
        decode_milliseconds=_milliseconds([one.decode_seconds for one in clean.values()]),
    )


def _cell_score(cell: Cell, attacked: ByImage, clean: ByImage) -> CodecCellScore:
    outcomes = list(attacked.values())
    both = [o for o in outcomes if o.bits and o.likelihood_bits is not None]
    real = sum(outcome.bits or 0 for outcome in both)
    expected = sum(outcome.likelihood_bits or 0 for outcome in both)
    changed = [o.input_psnr for o in outcomes if o.input_psnr is not None]
    return CodecCellScore(
        cell=cell,
        images=len(outcomes),
        quality=Quality(
            bits_per_pixel=mean_of(map(bits_per_pixel, outcomes)),
            psnr=mean_of(outcome.psnr for outcome in outcomes),
            ms_ssim=mean_of(outcome.ms_ssim for outcome in outcomes),
            lpips=mean_of(outcome.lpips for outcome in outcomes),
            rd_loss=mean_of(outcome.rd_loss for outcome in outcomes),
        ),
        damage=_damage(attacked, clean),
        input_psnr=fmean(changed) if changed else None,
        failures=_failed([attacked]),
        likelihood_gap=expected / real - 1 if real else None,
        gradient_steps=fmean(outcome.gradient_steps for outcome in outcomes),
        queries=fmean(outcome.queries for outcome in outcomes),
    )


def _damage(attacked: ByImage, clean: ByImage) -> Damage:
    def mean(figure: Figure) -> Interval | None:
        return mean_of(paired(figure, attacked, clean).values())

    pairs = [(one, clean[image]) for image, one in attacked.items() if inflation(one, clean[image])]
    total = sum(before.bits or 0 for _, before in pairs)
    drawn = any(outcome.draws > 1 for outcome in attacked.values())
    return Damage(
        inflation=mean(inflation),
        inflation_worst_draw=mean(_inflation_of_worst) if drawn else None,
        total_inflation=sum(one.bits or 0 for one, _ in pairs) / total if total else None,
        psnr_loss=mean(psnr_loss),
        psnr_loss_worst_draw=mean(lambda a, c: less(c.psnr, a.psnr_worst)) if drawn else None,
        psnr_loss_percent=mean(psnr_loss_percent),
        clean_psnr_loss=mean(lambda a, c: less(c.clean_psnr, a.clean_psnr)),
        ms_ssim_loss=mean(lambda a, c: less(c.ms_ssim, a.ms_ssim)),
        lpips_gain=mean(lambda a, c: less(a.lpips, c.lpips)),
        rd_loss=mean(rd_gain),
    )


def _inflation_of_worst(attacked: CodecOutcome, clean: CodecOutcome) -> float | None:
    return attacked.bits_worst / clean.bits if attacked.bits_worst and clean.bits else None


def _failed(cells: Sequence[ByImage]) -> Interval:
    images = {image for cell in cells for image in cell}
    failed = {image for cell in cells for image, outcome in cell.items() if outcome.failures}
    return wilson(len(failed), len(images))


def _worst(threat: ThreatModel, attacks: Sequence[Cell], by_cell: Mapping[str, ByImage]) -> Worst:
    within = [by_cell[cell.name] for cell in inside(attacks, threat)]
    clean = by_cell[CLEAN]

    def worst(figure: Figure) -> Interval | None:
        found: dict[str, float] = {}
        for cell in within:
            for image, value in paired(figure, cell, clean).items():
                found[image] = max(found.get(image, value), value)
        return mean_of(found.values())

    return Worst(
        threat=threat,
        inflation=worst(inflation),
        psnr_loss=worst(psnr_loss),
        psnr_loss_percent=worst(psnr_loss_percent),
        rd_loss=worst(rd_gain),
        failures=_failed(within),
    )


def _milliseconds(seconds: Iterable[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return 1000 * fmean(known) if known else None
