"""Principal components of small blocks, which codecs begin with."""

import torch
from torch import Tensor, nn

from benchmark.errors import CallError


def components(x: Tensor, count: int, size: int = 2) -> tuple[Tensor, Tensor]:
    """At most `count` principal components of `size` x `size` places of `x`, and their variances.

    Orthonormal, (k, c, size, size), from the largest to the smallest.
    """
    channels = x.shape[1]
    blocks = nn.functional.unfold(x, size, stride=size).transpose(0, 1).flatten(1).double()
    values, vectors = torch.linalg.eigh(blocks @ blocks.T / blocks.shape[1])
    basis = vectors.T.flip(0)[:count].view(-1, channels, size, size).to(x.dtype)
    return basis, values.flip(0)[:count].to(x.dtype)


def bias_of(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """The bias, which every layer of a transform must have."""
    if layer.bias is None:
        raise CallError(f"{layer} has no bias; expected one in every layer of a transform")
    return layer.bias
