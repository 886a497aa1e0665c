"""Disrupting features (FDA: Ganeshan, Vivek, Babu 2019, arXiv 1909.04385) of a learned codec.

What a layer says most of the picture is weakened and what it says least is strengthened: of each
convolution's output, the values below the mean over the channels of their place gain, those above
it lose. No picture is compared with another, and neither bits nor error are looked at.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.codec_track.looks import Look
from benchmark.defense import Codec
from benchmark.errors import CallError
from benchmark.tensors import Images, PerImage

TINY = 1e-12
LAYERS = (nn.Conv2d, nn.ConvTranspose2d)


def disruption(features: Tensor) -> PerImage:
    """Logarithm of the norm of the values below their place's mean, less that of those above it.

    Features are (m, channels, h, w).
    """
    above = features > features.mean(1, keepdim=True)
    low = torch.where(above, 0, features).flatten(1).square().sum(1)
    high = torch.where(above, features, 0).flatten(1).square().sum(1)
    return ((low + TINY).log() - (high + TINY).log()) / 2


def disrupted(codec: Codec) -> Look:
    """The sum of `disruption` over the convolutions that the codec's picture passes."""
    layers = [module for module in codec.modules() if isinstance(module, LAYERS)]
    if not layers:
        raise CallError(f"{type(codec).__name__} has no convolutions; attack its rate or its error")

    def look(x: Images, draws: int) -> Tensor:
        with torch.enable_grad(), _recorded(layers) as features:
            many = x.repeat(draws, 1, 1, 1)
            # Of a picture that asks for no gradient, no layer could be told to be on its way.
            codec.coded(many if many.requires_grad else many.requires_grad_())
        # A selecting codec codes each picture several times, one after the other.
        return torch.stack([disruption(one).view(-1, len(many)).mean(0) for one in features]).sum(0)

    return look


@contextmanager
def _recorded(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """What the layers put out inside, where it depends on the picture."""
    outputs: list[Tensor] = []

    def record(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if output.requires_grad:
            outputs.append(output)

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
