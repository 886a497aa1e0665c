"""Flags of the codec track: named signs that a figure may be wrong, from what a run stores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from benchmark.codec_track.figures import (
    Figure,
    inflation,
    outcomes_by_cell,
    paired,
    psnr_loss,
)
from benchmark.codec_track.score import codec_score
from benchmark.flags import Raised
from benchmark.records import CLEAN, Cell, Run
from benchmark.threat import Access, Norm


@dataclass(frozen=True)
class CodecFlag:
    """When a flag is raised and what it means, for readers, and the rule that says so."""

    raised_if: str
    means: str
    rule: Callable[[Run], str | None]


GAP = 0.03
"""Share of the real bits by which a likelihood may miss them."""
ERRORS = 2.0
"""Standard errors from which a difference counts."""
MAIN = {"rate": "the rate", "mse": "the error"}
"""The objectives that every figure stands on."""
NORMS = {Norm.LINF: "L∞", Norm.L2: "L2"}
ONE_STEP = "fgsm"
"""The attack that reads no number of steps."""
INFORMED = (Access.VANILLA, Access.WHITE_BOX, Access.EOT)


def _rate_mismatch(run: Run) -> str | None:
    score = codec_score(run)
    gaps = [
        (one.likelihood_gap, one.cell)
        for one in (score.clean, *score.cells)
        if one.likelihood_gap is not None and abs(one.likelihood_gap) > GAP
    ]
    if not gaps:
        return None
    gap, cell = max(gaps, key=lambda found: abs(found[0]))
    return (
        f"Under {_in_words(cell)} the likelihood expects {100 * abs(gap):.1f} % "
        f"{'more' if gap > 0 else 'fewer'} bits than the streams have; {len(gaps)} of "
        f"{len(score.cells) + 1} cells are off by more than {100 * GAP:.0f} %."
    )


def _in_words(cell: Cell) -> str:
    """The cell for readers: `no attack`, `noise at L∞ 4`, `vanilla pgd-50 on the rate at L∞ 4`."""
    if cell.access is Access.NONE:
        return "no attack"
    ball = f"at {NORMS[Norm(cell.norm or '')]} {cell.radius:g}"
    if cell.access is Access.NOISE:
        return f"noise {ball}"
    what = MAIN.get(cell.objective or "", cell.objective)
    source = f" from {cell.source}" if cell.source else ""
    steps = f"-{cell.steps}" if cell.steps else ""
    return f"{cell.access}{source} {cell.attack}{steps} on {what} {ball}"


def _cell(run: Run, name: str) -> str:
    return _in_words(next(cell for cell in run.header.cells if cell.name == name))


def _as_begins(words: str) -> str:
    return words[0].upper() + words[1:]


def _decode_failures(run: Run) -> str | None:
    failed = [outcome for outcome in run.codec_outcomes if outcome.failures]
    if not failed:
        return None
    clean = sum(outcome.cell == CLEAN for outcome in failed)
    return (
        f"{len(failed)} of {len(run.codec_outcomes)} pictures, {clean} of them without attack; "
        f"first: {failed[0].image} under {_cell(run, failed[0].cell)} ({failed[0].reason})."
    )


def _beaten_by(*accesses: Access) -> Callable[[Run], str | None]:
    """Whether cells of `accesses` do more than every attack that knows the codec, at one ball."""

    def rule(run: Run) -> str | None:
        cells = [cell for cell in run.header.cells if cell.access in accesses]
        figures = ((inflation, "×", "inflation"), (psnr_loss, " dB", "PSNR loss"))
        said = [
            f"{_as_begins(_in_words(cell))}: {word} {beaten:+.3f}{unit} over the best."
            for figure, unit, word in figures
            for cell in cells
            if (beaten := _beaten(run, figure, cell))
        ]
        return " ".join(said) or None

    return rule


def _beaten(run: Run, figure: Figure, cell: Cell) -> float | None:
    """By how much `cell` is ahead of each image's strongest informed attack in the same ball."""
    by_cell = outcomes_by_cell(run)
    if cell.name not in by_cell:
        return None
    best: dict[str, float] = {}
    for other in run.header.cells:
        same = (other.norm, other.radius) == (cell.norm, cell.radius)
        if other.access in INFORMED and same and other.name in by_cell:
            for image, value in paired(figure, by_cell[other.name], by_cell[CLEAN]).items():
                best[image] = max(best.get(image, value), value)
    theirs = paired(figure, by_cell[cell.name], by_cell[CLEAN])
    ahead = [value - best[image] for image, value in theirs.items() if image in best]
    if len(ahead) < 2:
        return None
    error = stdev(ahead) / len(ahead) ** 0.5
    return fmean(ahead) if fmean(ahead) > ERRORS * error else None


def _cut_short(run: Run) -> str | None:
    """Whether attacks ended with an error of the codec on pictures that it then decoded."""
    steps = {
        cell.name: (cell.steps or 0) * (cell.restarts or 1)
        for cell in run.header.cells
        if cell.access in INFORMED and cell.attack != ONE_STEP
    }
    cut = [
        outcome
        for outcome in run.codec_outcomes
        if outcome.gradient_steps < steps.get(outcome.cell, 0) and not outcome.failures
    ]
    if not cut:
        return None
    first = cut[0]
    return (
        f"{len(cut)} of {len(run.codec_outcomes)} pictures; first: {first.image} under "
        f"{_cell(run, first.cell)}, after {first.gradient_steps} of {steps[first.cell]} steps."
    )


def _not_attacked(run: Run) -> str | None:
    """Whether the protocol asks for something that no attack on this codec could follow."""
    asked = {
        objective
        for cell in run.header.protocol_content.get("cell", ())
        if cell["access"] in INFORMED
        for objective in cell["objectives"]
    }
    made = {cell.objective for cell in run.header.cells if cell.access in INFORMED}
    clean = [outcome for outcome in run.codec_outcomes if outcome.cell == CLEAN]
    lossless = all(outcome.mse == 0 for outcome in clean)
    left = [name for name in MAIN if name in asked - made and not (name == "mse" and lossless)]
    if not left:
        return None
    what = " and of ".join(MAIN[name] for name in left)
    return (
        f"The codec offers no slope of {what}; noise and attacks made on other codecs are all "
        "that was tried there."
    )


CODEC_FLAGS: Mapping[str, CodecFlag] = {
    "no-adaptive-attack": CodecFlag(
        "The protocol attacks the rate, or the error, of a codec whose slopes are known, and this "
        "codec has none: no likelihood model or stand-in for its rate, or, for its error, a "
        "manifest that says gradient = none.",
        "Its figures are those of attacks that do not know it, which say little of an adversary "
        "who does. A row with this flag is not to be compared with one without.",
        _not_attacked,
    ),
    "noise-beats-attack": CodecFlag(
        "In some ball noise costs more bits, or more PSNR, than the best of the attacks there that "
        "know the codec, by more than two standard errors of the paired difference.",
        "An attack that follows a slope should do more than chance. If not, the slope misleads it, "
        "and its figures are too low.",
        _beaten_by(Access.NOISE),
    ),
    "black-box-beats-white-box": CodecFlag(
        "In some ball an attack crafted on another codec does more, in the same sense.",
        "Who knows the codec should find at least what is found without knowing it; the slope of "
        "this codec, or its surrogate's, misleads.",
        _beaten_by(Access.TRANSFER),
    ),
    "rate-mismatch": CodecFlag(
        "The bits that the codec's likelihood model expects are more than 3 % away from those of "
        "its real streams, over the pictures of some cell.",
        "Rate attacks follow the likelihood, so they may chase bits that are never written, or "
        "miss bits that are. Fewer are written where an attack makes symbols that the model thinks "
        "almost impossible: the likelihood asks up to 30 bits for one, the coder, whose "
        "probabilities have 16 bits, little more than 16. More are written in headers and indices. "
        "A codec that selects may select otherwise by real streams than by likelihoods. The "
        "figures themselves count real bytes.",
        _rate_mismatch,
    ),
    "cut-short": CodecFlag(
        "The codec answered an attack with an error, or with what is no picture or number, on a "
        "picture that it then coded and decoded all the same.",
        "An error is what an adversary looks for, so it ends the attack, and the picture is "
        "judged. Where the judge finds nothing wrong with it, the codec spared itself the rest of "
        "the attack, and its figures are too low.",
        _cut_short,
    ),
    "decode-failures": CodecFlag(
        "At least one picture, clean or attacked, did not come back, in some draw, from the stream "
        "that the codec made of it, or made no stream.",
        "The codec is not one that could be used. Such pictures are in no mean of fidelity; their "
        "share stands beside it.",
        _decode_failures,
    ),
}


def raised(run: Run) -> tuple[Raised, ...]:
    """The flags of a run of the codec track, in the order of `CODEC_FLAGS`."""
    found = [(name, flag.rule(run)) for name, flag in CODEC_FLAGS.items()]
    return tuple(Raised(name, sentence) for name, sentence in found if sentence)
