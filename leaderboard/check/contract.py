"""What a plugin's class promises, measured: shapes, ranges, repetition, gradients, bitstreams."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmark.contract import check_images, check_logits, check_streams
from benchmark.defense import Classifier, Codec, Plugin
from benchmark.errors import BoxError, ContractError, SqueezebenchError
from benchmark.estimators import ESTIMATORS
from benchmark.geometry import to_lattice
from benchmark.tensors import Images
from leaderboard.check.findings import Finding, Level, found

SIZE = 64
"""Height and width of the pictures: those of the bundled classifiers."""
CLASSES = 10
SAME = 1e-4
"""Two calls that differ by less are the same; arithmetic in another batch moves the last bits."""
STEPS = (1e-2, 4e-3, 1e-3)
"""Of finite differences, in the scale of images."""
FAR = 0.3
"""Relative distance between a declared gradient and finite differences that is reported."""


class Subject(NamedTuple):
    """A plugin with what its manifest declares. `fresh` makes one that shares nothing with it."""

    plugin: Plugin
    fresh: Callable[[], Plugin]
    gradient: str
    randomized: bool


Check = Callable[[Subject], Iterator[Finding]]


def measure(subject: Subject, parts: Collection[str]) -> list[Finding]:
    """The promises named, each by itself: one that is broken hides no other, a dead box ends it."""
    said: list[Finding] = []
    for part in parts:
        check = CHECKS[part]
        try:
            findings = list(check(subject))
        except BoxError as problem:
            said.append(found(Level.ERROR, part, problem))
            break
        except SqueezebenchError as problem:
            finding = found(Level.ERROR, part, problem)
            if finding.says not in {one.says for one in said}:  # one fault, met by several parts
                said.append(finding)
            continue
        said += findings
    return said


def pictures(n: int = 2, seed: int = 7) -> Images:
    """Smooth pictures with some noise, on the lattice, away from black and white."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((n, 3, 8, 8), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic")
    noise = torch.rand((n, 3, SIZE, SIZE), generator=generator)
    return to_lattice((0.25 + 0.5 * smooth.clamp(0, 1) + 0.05 * (noise - 0.5)).clamp(0.1, 0.9))


def _answer(plugin: Plugin, x: Images) -> Tensor:
    """What `forward` gives, checked."""
    with torch.no_grad():
        given = plugin.forward(x)
    source = f"{type(plugin).__name__}.forward"
    if isinstance(plugin, Classifier):
        return check_logits(given, len(x), CLASSES, source)
    return check_images(given, x, source)


def _output(subject: Subject) -> Iterator[Finding]:
    """Shape, range and finiteness, on pictures and on the extremes."""
    for x in (pictures(), torch.zeros(1, 3, SIZE, SIZE), torch.ones(1, 3, SIZE, SIZE)):
        _answer(subject.plugin, x)
    noise = torch.rand((1, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(3))
    _answer(subject.plugin, to_lattice(noise))
    yield found(Level.OK, "output", "shape, range and finiteness, on pictures, black, white, noise")
    x = pictures(8)
    began = time.perf_counter()
    out = _answer(subject.plugin, x)
    seconds = time.perf_counter() - began
    yield found(Level.NOTE, "time", f"{1000 * seconds / len(x):.1f} ms an image of {SIZE} pixels")
    spread = float((out - out[:1]).abs().max())
    if spread < SAME:
        yield found(Level.WARNING, "output", "eight different pictures give the same answer")


def _repetition(subject: Subject) -> Iterator[Finding]:
    """Whether the same pictures get the same answer: again, alone, from a fresh instance."""
    x = pictures(3)
    first, second = _answer(subject.plugin, x), _answer(subject.plugin, x)
    if subject.randomized:
        if bool((first == second).all()):
            says = "randomized = true is declared, but two calls agree; 20 draws will judge it"
            yield found(Level.WARNING, "randomness", says)
        else:
            yield found(Level.OK, "randomness", "two calls differ, as declared")
        return
    difference = float((first - second).abs().max())
    if difference > SAME:
        says = f"two calls on the same pictures differ by {difference:.3g}; say randomized = true, "
        says += "in the class and in the manifest, if that is meant"
        yield found(Level.ERROR, "randomness", says)
        return
    alone = torch.cat([_answer(subject.plugin, x[i : i + 1]) for i in (2, 1, 0)]).flip(0)
    fresh = _answer(subject.fresh(), x)
    for other, how in ((alone, "alone and in another order"), (fresh, "to a fresh instance")):
        difference = float((first - other).abs().max())
        if difference > 100 * SAME:
            says = f"the same pictures given {how} get answers that differ by {difference:.3g}"
            yield found(Level.WARNING, "stateful", says)
    yield found(Level.OK, "repetition", "two calls on the same pictures agree")


def _gradient(subject: Subject) -> Iterator[Finding]:
    """The declared gradient against finite differences of what it is the gradient of."""
    if subject.gradient == "none":
        takes = "attacks on a classifier behind it take the identity's"
        if isinstance(subject.plugin, Codec):
            takes += ", and attacks on its error have nothing to follow, which raises a flag"
        yield found(Level.NOTE, "gradient", f"none is declared; {takes}")
        return
    x = pictures(2).requires_grad_()
    with torch.enable_grad():
        out = ESTIMATORS[subject.gradient](subject.plugin)(x)
        weight = torch.rand(out.shape, generator=torch.Generator().manual_seed(11)) - 0.3
        total = (out * weight).sum()
        slope = torch.autograd.grad(total, x, allow_unused=True)[0] if total.requires_grad else None
    if slope is None or not bool(slope.any()):
        says = (
            f"gradient = {subject.gradient!r} is declared, but the gradient is 0 everywhere; write "
            "a surrogate, or declare gradient = 'none'"
        )
        yield found(Level.ERROR, "gradient", says)
        return
    if not bool(torch.isfinite(slope).all()):
        yield found(Level.ERROR, "gradient", "the gradient is not finite")
        return
    if subject.gradient == "surrogate" and _says_nothing(subject, x.detach(), slope, weight):
        says = (
            "gradient = 'surrogate' is declared, but surrogate gives the pictures as they are; "
            "define it in the class, or declare gradient = 'none'"
        )
        yield found(Level.ERROR, "gradient", says)
        return
    if subject.gradient != "exact" or subject.randomized:
        yield found(Level.OK, "gradient", f"the declared {subject.gradient} gradient is finite")
        return
    off = _distance(subject, x.detach(), slope, weight)
    agrees = f"finite differences along it are within {100 * off:.0f} %"
    if off <= FAR:
        yield found(Level.OK, "gradient", agrees)
    else:
        says = f"{agrees}; is forward flat in steps, or is a surrogate meant?"
        yield found(Level.WARNING, "gradient", says)


def _says_nothing(subject: Subject, x: Images, slope: Images, weight: Tensor) -> bool:
    """Whether the surrogate's gradient is the identity's, and the defense is not the identity."""
    identity = slope.shape == weight.shape and torch.equal(slope, weight)
    return identity and not torch.equal(_answer(subject.plugin, x), x)


def _distance(subject: Subject, x: Images, slope: Images, weight: Tensor) -> float:
    """Relative distance between the slope along itself and finite differences, at the best step."""
    direction = slope / slope.flatten(1).abs().amax(1).clamp_min(1e-30).view(-1, 1, 1, 1)
    expected = float((slope * direction).sum())
    distances = []
    for step in STEPS:
        ahead = (_answer(subject.plugin, x + step * direction) * weight).sum()
        behind = (_answer(subject.plugin, x - step * direction) * weight).sum()
        measured = float(ahead - behind) / (2 * step)
        distances.append(abs(measured - expected) / max(abs(expected), 1e-12))
    return min(distances)


def _stream(subject: Subject) -> Iterator[Finding]:
    """A codec's bytes: alone enough for the picture, in any order, the same again."""
    codec = subject.plugin
    if not isinstance(codec, Codec):
        return
    x, size = pictures(3), (SIZE, SIZE)
    with torch.no_grad():
        streams = check_streams(codec.compress(x), len(x), "compress")
        if not all(streams):
            raise ContractError(
                "compress returned an empty stream; a picture needs a byte at least"
            )
        decoded = check_images(codec.decompress(streams, size), x, "decompress")
        turned = check_images(codec.decompress(streams[::-1], size), x, "decompress").flip(0)
        if float((decoded - turned).abs().max()) > SAME:
            raise ContractError(
                "streams in another order give other pictures; each must stand alone"
            )
        bits = 8 * sum(map(len, streams)) / (len(x) * SIZE * SIZE)
        yield found(Level.OK, "bitstream", f"{bits:.3f} bits a pixel, decoded from bytes alone")
        if subject.randomized:
            return
        if codec.compress(x) != streams:
            yield found(Level.ERROR, "bitstream", "two calls of compress give other bytes")
        if codec.has_likelihood:
            yield _likelihood(codec, x, sum(8 * len(stream) for stream in streams))


def _likelihood(codec: Codec, x: Images, real: int) -> Finding:
    claimed = codec.likelihood_bits(x)
    if claimed.shape != (len(x),) or not bool(torch.isfinite(claimed).all()):
        raise ContractError(f"likelihood_bits gave {tuple(claimed.shape)}, expected ({len(x)},)")
    ratio = float(claimed.sum()) / real
    says = f"likelihood_bits says {ratio:.2f} of the real bits"
    return found(Level.OK if 0.5 <= ratio <= 2 else Level.WARNING, "likelihood", says)


CHECKS: Mapping[str, Check] = {
    "output": _output,
    "repetition": _repetition,
    "gradient": _gradient,
    "bitstream": _stream,
}
WHOLE, BRIEF = tuple(CHECKS), ("output", "bitstream")


def from_declared(made: Callable[[], Plugin], declared: Mapping[str, Any]) -> Subject:
    """The subject of a plugin that `made` makes."""
    return Subject(made(), made, declared["gradient"], declared["randomized"])
