"""Plots of the codec track: rate against distortion clean and attacked, histograms."""

from collections.abc import Sequence

import numpy as np

from benchmark.codec_track.curves import AttackedCurve, curves
from benchmark.records import CLEAN
from benchmark.threat import Access
from leaderboard.render.axes import Axis, Values
from leaderboard.render.codec_digest import CodedImages
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.figures import Plot, plot
from leaderboard.render.series import Series
from leaderboard.render.words import aim_in_words, threat_in_words

BINS = 12
SHOWN = 7
"""Entries that one plot has at most."""
RATE = "bits per pixel, real bytes"


def families(entries: Sequence[CodecEntry]) -> dict[str, list[CodecEntry]]:
    """The settings of each codec, by rising rate; codecs with most settings first."""
    groups: dict[str, list[CodecEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.run.header.submission, []).append(entry)
    for group in groups.values():
        group.sort(key=_clean_rate)
    return dict(sorted(groups.items(), key=lambda one: -len(one[1])))


def _clean_rate(entry: CodecEntry) -> float:
    rate = entry.digest.score.clean.quality.bits_per_pixel
    return rate.estimate if rate else 0.0


def attacked_curves(
    group: Sequence[CodecEntry], *, noise: bool = False
) -> tuple[AttackedCurve, ...]:
    """R-D curves of a codec's settings, the clean one first, then one a cell at the headline.

    `noise` is for that of the same size, too, which is no attack.
    """
    headline = group[0].headline
    found = curves([entry.digest.score for entry in group])
    shown = {
        one.cell.name
        for entry in group
        for one in entry.digest.score.cells
        if one.cell.norm == headline.norm.value
        and one.cell.radius == headline.radius
        and (noise or one.cell.access is not Access.NOISE)
    }
    return tuple(curve for curve in found if curve.cell in shown | {CLEAN})


def rd_plot(name: str, group: Sequence[CodecEntry]) -> Plot | None:
    """PSNR of what is decoded over rate, without attack and under every attack of the headline."""
    lines = [
        Series(
            "no attack" if curve.cell == CLEAN else attack_of(group[0], curve.cell),
            tuple(rate for rate, _ in curve.points),
            tuple(psnr for _, psnr in curve.points),
        )
        for curve in attacked_curves(group, noise=True)
        if curve.points
    ]
    if not lines:
        return None
    sentence = (
        "Quality of what is decoded over what it costs, against the picture that was coded; "
        f"attacks at {threat_in_words(group[0].headline)}. An attack moves a point right (more "
        "bits), down (a worse picture), or both; noise of that size is no attack."
    )
    axis = Axis(RATE, log=True)
    return plot(f"{name}: rate and distortion", sentence, axis, lines, Values("PSNR in dB"))


def moved(best: Sequence[CodecEntry]) -> Plot | None:
    """From no attack to the worst case in rate and quality, a line a codec; the best ones."""
    lines = [line for entry in best[:SHOWN] if (line := _move(entry))]
    if not lines:
        return None
    first = f"The first {len(lines)} of {len(best)} entries" if len(best) > SHOWN else "Each"
    sentence = (
        f"{first}, from no attack to the worst case at {threat_in_words(best[0].headline)}: right "
        "is more bits, down a worse picture, each under the attack that does most."
    )
    axis = Axis(RATE, log=True)
    return plot("What an attack moves", sentence, axis, lines, Values("PSNR in dB"))


def _move(entry: CodecEntry) -> Series | None:
    clean, worst = entry.digest.score.clean.quality, entry.digest.score.at(entry.headline)
    attacked = [rate for rate in entry.digest.images.attacked_rate if rate is not None]
    if not (clean.bits_per_pixel and clean.psnr and worst and worst.psnr_loss and attacked):
        return None
    return Series(
        entry.run.header.entry,
        (clean.bits_per_pixel.estimate, sum(attacked) / len(attacked)),
        (clean.psnr.estimate, clean.psnr.estimate - worst.psnr_loss.estimate),
        labels=("without attack", "in the worst case"),
    )


def attack_of(entry: CodecEntry, name: str) -> str:
    """The attack of the cell of that name, in words."""
    return aim_in_words(next(cell for cell in entry.run.header.cells if cell.name == name))


def histograms(entry: CodecEntry) -> tuple[Plot, ...]:
    """How many pictures cost how much, without attack and in the worst case."""
    images = entry.digest.images
    size = threat_in_words(entry.headline)
    found = [
        _histogram(
            "Bits per pixel of each picture",
            f"Pictures by what they cost: without attack, and the most under any attack at {size}.",
            RATE,
            {"no attack": images.rate, "worst attack": images.attacked_rate},
        ),
        _histogram(
            "R-D loss of each picture",
            f"Rate and distortion together, as the codec weighs them; attacks at {size}.",
            "R-D loss",
            _rd_losses(images),
        ),
    ]
    return tuple(one for one in found if one)


def _rd_losses(images: CodedImages) -> dict[str, Sequence[float | None]]:
    return {"no attack": images.rd_loss, "worst attack": images.attacked_rd_loss}


def _histogram(
    title: str, sentence: str, label: str, groups: dict[str, Sequence[float | None]]
) -> Plot | None:
    """Counts as outlines, on bins that both share."""
    known = {name: [v for v in group if v is not None] for name, group in groups.items()}
    every = [v for group in known.values() for v in group]
    if not every or not all(known.values()):
        return None
    edges = np.linspace(0, max(every) * 1.0001, BINS + 1)
    lines = []
    for name, group in known.items():
        counts = np.histogram(group, edges)[0]
        x = np.repeat(edges, 2)[1:-1]
        y = np.repeat(counts, 2)
        lines.append(Series(name, tuple(map(float, x)), tuple(map(float, y)), outline=True))
    return plot(title, sentence, Axis(label), lines, Values("pictures", whole=True))
