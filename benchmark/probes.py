"""Probes: what a shard's clean pictures tell of the defense itself. The flags read it.

Counts are over the shard's images; of names that end in `_max` shards are joined by the largest
value, of all others by the sum.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from benchmark.attacked import tolerant
from benchmark.defense import Classifier, Codec, Plugin
from benchmark.draws import seeded
from benchmark.estimators import ESTIMATORS, estimator
from benchmark.fitting import in_parts
from benchmark.geometry import to_lattice
from benchmark.loss import gradient_of, log_cross_entropy
from benchmark.tensors import DefenseMap, Images, Labels, Logits, Mask, Model
from benchmark.threat import LEVELS

STEP = 2 / LEVELS
"""Of finite differences: what attacks take, and wide enough to cross the steps of a staircase."""
DRIFT = 0.01
"""Change of a logit, in the spread of its image's logits, that arithmetic does not explain.

Another batch moves logits by 1e-5 of it; a symbol of a learned codec that falls on the other side
of a rounding moves them by some 1e-3.
"""
SHIFT = 2


class Subject(NamedTuple):
    """What is probed: a classifier in fp32, the instance that was attacked, the one that judges.

    `x` are the shard's clean images, `logits` what the judge got for them before any attack.
    `bare` is the protocol's classifier, `model` what stands behind the defense: the same one, or
    nothing if the submission classifies by itself (`benchmark.replacement.behind`).
    """

    model: Model
    attacked: Plugin
    judging: Plugin
    x: Images
    y: Labels
    logits: Logits
    bare: Model


def probe(subject: Subject, *, gradient: str, randomized: bool) -> dict[str, float]:
    """Every measurement that applies; `gradient` and `randomized` are what the manifest declares.

    To be called after the attacks. Takes about a dozen passes; draws nothing from a generator that
    it does not put back.
    """
    right = subject.logits.argmax(1) == subject.y
    logits, slope = _attacked(subject, gradient)
    found: dict[str, float] = {"probed_images": len(right), "probed_right": int(right.sum())}
    if not randomized:
        found |= _answers(subject, logits)
    if slope is not None and bool(right.any()):
        found |= _gradients(subject, slope, right)
    found |= _motions(subject)
    if gradient == "surrogate" and not isinstance(subject.attacked, Classifier):
        found |= _surrogate(subject)
    return found | _rate(subject)


def _as_judged(defense: Plugin) -> DefenseMap:
    """The defense as the judge asks it: a codec through its streams, grey where one fails."""
    if not isinstance(defense, Codec):
        return defense.forward

    def mapped(x: Images) -> Images:
        height, width = x.shape[-2:]
        return defense.decompress(defense.compress(x), (height, width)).to(x)

    return tolerant(mapped)


def _asked(subject: Subject, x: Images) -> Logits:
    """The judging instance's answer; the same draws of a randomized defense at every call."""
    with torch.no_grad(), seeded("probe"):
        return subject.model(_as_judged(subject.judging)(x))


def followed(defense: Plugin, gradient: str) -> DefenseMap:
    """The defense as an attack follows it whose manifest says `gradient`."""
    mapped = estimator(gradient, defense) if gradient in ESTIMATORS else defense.forward
    return tolerant(mapped) if isinstance(defense, Codec) else mapped


def _attacked(subject: Subject, gradient: str) -> tuple[Logits, Images | None]:
    """What an attack sees: the logits, and the declared gradient of the loss if there is one."""
    exists = gradient in ESTIMATORS
    defense = followed(subject.attacked, gradient)

    def seen(part: slice) -> tuple[Logits, Images]:
        x = subject.x[part].detach().clone().requires_grad_(exists)
        with torch.set_grad_enabled(exists), seeded("probe"):
            logits = subject.model(defense(x))
            loss = log_cross_entropy(logits, subject.y[part]).sum()
        # What no gradient reaches has a gradient of 0.
        return logits.detach(), gradient_of(loss, x)

    logits, slope = map(torch.cat, zip(*in_parts(seen, len(subject.x)), strict=True))
    return logits, slope if exists else None


def _answers(subject: Subject, attacked: Logits) -> dict[str, float]:
    """Whether the same pictures get the same answers: at once, and after all that was asked."""
    judged = _as_judged(subject.judging)
    with torch.no_grad(), seeded("probe"):
        first, second = judged(subject.x), judged(subject.x)
        if isinstance(subject.judging, Classifier):  # probabilities have the scale of images
            first, second = first.softmax(1), second.softmax(1)
        difference = (first - second).abs().max()
    alone = [_asked(subject, subject.x[i : i + 1]) for i in reversed(range(len(subject.x)))]
    again = torch.cat(alone[::-1])
    changed = drifted(subject.logits, again) | drifted(subject.logits, attacked)
    return {
        "randomness_max": float(difference),
        "stateful_images": int(changed.sum()),
        "stateful_asked": len(changed),
    }


def drifted(before: Logits, after: Logits) -> Mask:
    """Images whose logits changed by more than arithmetic explains."""
    spread = (before.amax(1) - before.amin(1)).clamp_min(1e-3)
    return (after - before).abs().amax(1) > DRIFT * spread


def _gradients(subject: Subject, slope: Images, right: Mask) -> dict[str, float]:
    """Of images right without attack: is the gradient 0, and does the loss rise along it?"""
    x, y, slope = subject.x[right], subject.y[right], slope[right]
    along, against = (
        log_cross_entropy(_asked(subject, to_lattice(x + step)), y)
        for step in (STEP * slope.sign(), -STEP * slope.sign())
    )
    return {
        "gradient_images": len(y),
        "gradient_zero": int((slope.flatten(1).abs().amax(1) == 0).sum()),
        "gradient_rises": int((along > against).sum()),
        "gradient_falls": int((along < against).sum()),
    }


def _motions(subject: Subject) -> dict[str, float]:
    """Of images right with and without the defense: wrong after a flip, after a shift."""

    def wrong(x: Images, y: Labels) -> tuple[Mask, Mask]:
        with torch.no_grad():
            bare = subject.bare(x)
        return _asked(subject, x).argmax(1) != y, bare.argmax(1) != y

    defended, bare = wrong(subject.x, subject.y)
    both = ~defended & ~bare
    found: dict[str, float] = {"motion_images": int(both.sum())}
    if not bool(both.any()):
        return found
    x, y = subject.x[both], subject.y[both]
    for name, moved in (("flip", x.flip(-1)), ("shift", _shifted(x))):
        defended, bare = wrong(moved, y)
        found[f"{name}_lost_defended"] = int(defended.sum())
        found[f"{name}_lost_bare"] = int(bare.sum())
        found[f"{name}_lost_both"] = int((defended & bare).sum())
    return found


def _shifted(x: Images) -> Images:
    """Two pixels down and to the right; the edges repeat what stood there."""
    height, width = x.shape[-2:]
    return functional.pad(x, (SHIFT, 0, SHIFT, 0), mode="replicate")[..., :height, :width]


def _surrogate(subject: Subject) -> dict[str, float]:
    """Mean squared error between the defense and its surrogate, and between it and the image."""
    x = subject.x
    with torch.no_grad(), seeded("probe"):
        defended = _as_judged(subject.judging)(x)
    with torch.no_grad(), seeded("probe"):
        stand_in = subject.attacked.surrogate(x)
    return {
        "surrogate_images": len(x),
        "surrogate_error": len(x) * float((stand_in - defended).square().mean()),
        "identity_error": len(x) * float((x - defended).square().mean()),
    }


def _rate(subject: Subject) -> dict[str, float]:
    """Bits of the streams and of the likelihood, for codecs that have one."""
    codec, judging = subject.attacked, subject.judging
    if not isinstance(codec, Codec) or not isinstance(judging, Codec):
        return {}
    if not codec.has_likelihood:
        return {}
    with torch.no_grad(), seeded("probe"):
        real = sum(8 * len(stream) for stream in judging.compress(subject.x))
    with torch.no_grad(), seeded("probe"):
        told = float(codec.likelihood_bits(subject.x).sum())
    return {"likelihood_bits": told, "real_bits": real}
