"""Weights for HiFiC to begin with: a linear codec, in spite of its normalization.

Its layers normalize the channels of every place, and a small model then needs days on a CPU to
learn what a linear transform does. Two channels of each layer, the poles, begin as constants so
much larger than all others that the variance hardly changes from place to place, and
normalization is close to a constant factor. Through it the encoder begins as principal components,
and the generator as least squares of what the encoder saw.
"""

import math
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.codecs.hific import HificModel, Hyperprior
from benchmark.codecs.hific_networks import ChannelNorm, Encoder, Generator
from benchmark.codecs.train.components import bias_of, components
from benchmark.tensors import Images

POLES = 2
POLE, LATENT_POLE = 8.0, 160.0
"""What the poles are, with either sign, where other features have a standard deviation of 1."""
OFFSET = 2.5
"""Standard deviations added to features before a rectifier, which then cuts off little."""
HYPERLATENTS = 4.0
"""Standard deviation of hyperlatents; rounding adds 0.29."""
FAINT = 0.1
"""What residual blocks, and the hyperprior's guesses, begin with beside what is known."""
WHITE = 0.98
"""What stands for white before a tanh, which never reaches it."""
TAPS = ((1,), (2, 0))
"""Of a convolution that doubles the size: those that even places see, and odd ones."""
RIDGE = 1e-4
"""Of the mean square of the inputs."""


def begin(model: HificModel, x: Images, step: float) -> None:
    """Set the weights from the batch `x`; rounding a latent moves a component of it by `step`."""
    made = x
    if model.made_as.normalized:
        x, step = 2 * x - 1, 2 * step
        made = torch.atanh(x.clamp(-WHITE, WHITE))
    y, seen = _encode(model.Encoder, x, step)
    _predict(model.Hyperprior, y)
    _generate(model.Generator, y.round(), [*seen, made])


def _encode(encoder: Encoder, x: Images, step: float) -> tuple[Tensor, list[Tensor]]:
    """Set the encoder; the latents, and the features to make again, from the last to the first."""
    *blocks, (around, out) = _parts(encoder)
    gain, known, seen = 1.0, x.shape[1], [x]
    for block in blocks:
        pad, conv, norm, relu = block
        size = 1 if conv.stride == (1, 1) else 2
        basis, spread = _basis(x[:, :known], conv.out_channels - POLES, size)
        gain /= spread
        known = len(basis)
        _see(conv, basis / spread, x, (3, 3) if size == 1 else (1, 0))
        features = conv(pad(x))
        _normalize(norm, features, known, OFFSET)
        seen.insert(0, features[:, :known])
        x = relu(norm(features))
    basis, _ = _basis(x[:, :known], out.out_channels - POLES, 1)
    _see(out, basis / (gain * step), x, (1, 1), LATENT_POLE)
    return out(around(x)), seen[:-1]


def _basis(x: Tensor, count: int, size: int) -> tuple[Tensor, float]:
    """Principal components of `size` x `size` places, and the deviation of the first."""
    basis, variances = components(x - x.mean((0, 2, 3), keepdim=True), count, size)
    return basis, math.sqrt(float(variances[0]))


def _see(
    conv: nn.Conv2d, basis: Tensor, x: Tensor, corner: tuple[int, int], pole: float = POLE
) -> None:
    """Let the first channels be `basis` of `x` around its mean, and the last two the poles."""
    count, channels, size, _ = basis.shape
    top, left = corner
    weight, bias = conv.weight, bias_of(conv)
    weight[:count] = 0
    weight[:count, :channels, top : top + size, left : left + size] = basis
    bias[:count] = -(basis.sum((2, 3)) * x[:, :channels].mean((0, 2, 3))).sum(1)
    weight[-POLES:] = 0
    bias[-POLES:] = torch.tensor([pole, -pole])


def _normalize(norm: ChannelNorm, features: Tensor, known: int, offset: float = 0) -> None:
    """Let a normalization give `known` features back, above zero by `offset` deviations.

    The others, drawn by torch, have mean 0, and the poles are 0: they have done their work.
    """
    norm.gamma.fill_(1)
    norm.beta.zero_()
    poles = features[:, -POLES].mean() / norm(features)[:, -POLES].mean()
    norm.gamma.fill_(float(poles))
    norm.gamma[:, -POLES:] = 0
    given = norm(features)
    norm.beta.copy_(-given.mean((0, 2, 3), keepdim=True))
    norm.beta[:, :known] += offset * given[:, :known].std((0, 2, 3), keepdim=True)


def _predict(hyperprior: Hyperprior, y: Tensor) -> None:
    """Let hyperlatents stand above the noise of rounding, and means and scales begin as those."""
    for layer in hyperprior.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            bias_of(layer).zero_()
    mean = y.mean((0, 2, 3), keepdim=True)
    # What is constant tells hyperlatents nothing.
    hyperprior.analysis_net.conv1.weight[:, -POLES:] = 0
    hyperprior.analysis_net.conv3.weight.mul_(HYPERLATENTS / hyperprior.analysis_net(y).std())
    z = hyperprior.analysis_net(y)
    expected = {hyperprior.synthesis_mu: mean, hyperprior.synthesis_std: y.std((0, 2, 3))}
    for net, value in expected.items():
        net.conv3.weight.mul_(FAINT / net(z).std())
        net.conv3.weight[:, -POLES:] = 0
        bias_of(net.conv3).copy_(value.flatten())


def _generate(generator: Generator, y: Tensor, seen: list[Tensor]) -> None:
    """Set the generator, so that each block gives what the encoder saw at its size."""
    head, *rest = _parts(generator)
    first, around, conv, norm = head
    _normalize(first, y, y.shape[1] - POLES)
    first.beta.zero_()
    _recall(conv, around(first(y)), seen[0])
    _normalize(norm, conv(around(first(y))), seen[0].shape[1])
    for residual in rest[: generator.blocks]:
        residual.norm2.gamma.fill_(FAINT)
    start = inner = head(y)
    for residual in rest[: generator.blocks]:
        inner = residual(inner)
    x = inner + start
    *ups, (around, out) = rest[generator.blocks :]
    for (up, norm, relu), target in zip(ups, seen[1:-1], strict=True):
        _enlarge(up, x, target)
        _normalize(norm, up(x), target.shape[1], OFFSET)
        x = relu(norm(up(x)))
    _recall(out, around(x), seen[-1], poles=0)


def _parts(network: nn.Module) -> list[Any]:
    """Its blocks in order; sequences of layers all but the generator's residual ones."""
    return list(network.children())


def _recall(conv: nn.Conv2d, x: Tensor, target: Tensor, poles: int = POLES) -> None:
    """Let the first channels of `conv` be the least squares of `target` on the padded `x`."""
    size, _ = conv.kernel_size
    count = target.shape[1]
    conv.weight[:count], bias_of(conv)[:count] = _least_squares(x, (size, size), target)
    if poles:
        conv.weight[-POLES:] = 0
        bias_of(conv)[-POLES:] = torch.tensor([POLE, -POLE])


def _enlarge(up: nn.ConvTranspose2d, x: Tensor, target: Tensor) -> None:
    """The same for a convolution that doubles the size, of which each of four phases has its taps.

    Even rows see tap 1 of their place, odd ones tap 2 of theirs and tap 0 of the next.
    """
    count = target.shape[1]
    intercepts = []
    for row, column in product((0, 1), repeat=2):
        wanted = target[:, :, row::2, column::2]
        wanted = wanted[:, :, : wanted.shape[2] - row, : wanted.shape[3] - column]
        found, intercept = _least_squares(x, (row + 1, column + 1), wanted)
        intercepts.append(intercept)
        for (i, vertical), (j, horizontal) in product(*(enumerate(TAPS[k]) for k in (row, column))):
            up.weight[:, :count, vertical, horizontal] = found[:, :, i, j].T
    bias_of(up)[:count] = torch.stack(intercepts).mean(0)
    up.weight[:, -POLES:] = 0
    bias_of(up)[-POLES:] = torch.tensor([POLE, -POLE])


def _least_squares(x: Tensor, size: tuple[int, int], target: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (out, in, *size) and intercepts (out,) that make `target` of the places of `x`."""
    square = mixed = torch.zeros(())
    for image, wanted in zip(x, target, strict=True):
        places = functional.unfold(image[None], size)[0]
        inputs = torch.cat([places, torch.ones_like(places[:1])]).double()
        square = square + inputs @ inputs.T
        mixed = mixed + inputs @ wanted.flatten(1).T.double()
    known = square.diagonal()[:-1]
    known.add_(RIDGE * known.mean())
    found = torch.linalg.solve(square, mixed).T.to(x.dtype)
    return found[:, :-1].reshape(len(found), -1, *size), found[:, -1]
