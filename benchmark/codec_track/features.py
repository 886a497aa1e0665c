"""Disrupting features (FDA: Ganeshan, Vivek, Babu 2019, arXiv 1909.04385) of a learned codec.

What a layer says most of the picture is weakened and what it says least is strengthened: of each
convolution's output, the values below the mean over the channels of their place gain, those above
it lose. No picture is compared with another, and neither bits nor error are looked at.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from benchmark.codec_track.looks import Look
from benchmark.defense import Codec
from benchmark.draws import repeated
from benchmark.errors import CallError
from benchmark.tensors import Images, PerImage

TINY = 1e-12
LAYERS = (nn.Conv2d, nn.ConvTranspose2d)


@runtime_checkable
class LayersElsewhere(Protocol):
    """A codec whose layers are in another place, where their disruption is computed."""

    layered: bool

    def disruption(self, x: Images, draws: int) -> PerImage:
        """What `disrupted` of that codec looks at."""
        ...


def layered(codec: Codec) -> bool:
    """Whether the codec has convolutions, which can be disrupted."""
    return codec.layered if isinstance(codec, LayersElsewhere) else bool(_layers(codec))


def _layers(codec: Codec) -> list[nn.Module]:
    return [module for module in codec.modules() if isinstance(module, LAYERS)]


def disruption(features: Tensor) -> PerImage:
    """Logarithm of the norm of the values below their place's mean, less that of those above it.

    Features are (m, channels, h, w).
    """
    above = features > features.mean(1, keepdim=True)
    low = torch.where(above, 0, features).flatten(1).square().sum(1)
    high = torch.where(above, features, 0).flatten(1).square().sum(1)
    return ((low + TINY).log() - (high + TINY).log()) / 2


def disrupted(codec: Codec) -> Look:
    """The sum of `disruption` over the convolutions that the codec's picture passes.

    Of what a convolution is given several times it counts in the mean: a selecting codec codes each
    picture in several ways, and a randomized one the draws of a picture in groups of one size.
    """
    if not layered(codec):
        raise CallError(f"{type(codec).__name__} has no convolutions; attack its rate or its error")
    if isinstance(codec, LayersElsewhere):
        return codec.disruption
    layers = _layers(codec)

    def look(x: Images, draws: int) -> Tensor:
        with torch.enable_grad(), _recorded(layers) as features:
            many = repeated(x, draws)
            # Of a picture that asks for no gradient, no layer could be told to be on its way.
            codec.coded(many if many.requires_grad else many.requires_grad_())
        means = torch.stack([_mean(outputs, len(x)) for outputs in features.values()])
        return means.sum(0).repeat(draws)

    return look


def _mean(outputs: Sequence[Tensor], n: int) -> PerImage:
    """Of `n` images, each of which is there as often as the others, all of them in one order."""
    return torch.cat([disruption(one) for one in outputs]).view(-1, n).mean(0)


@contextmanager
def _recorded(layers: Sequence[nn.Module]) -> Iterator[dict[nn.Module, list[Tensor]]]:
    """What each layer puts out inside, where it depends on the picture."""
    outputs: dict[nn.Module, list[Tensor]] = {}

    def record(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if output.requires_grad:
            outputs.setdefault(module, []).append(output)

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
