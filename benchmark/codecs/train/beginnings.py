"""Weights to begin with: the principal components of blocks, stage by stage.

From weights as torch draws them, a codec needs tens of thousands of steps before it beats JPEG.
Here both transforms begin as a linear block transform and its transpose (JPEG's cosines are nearly
one): each stage takes the principal components of 2x2 places of the stage before. Nonlinearities
begin close to the identity. What else there is in a layer, taps and channels, is learned.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from compressai.latent_codecs import GaussianConditionalLatentCodec  # type: ignore[import-untyped]
from compressai.layers import GDN, AttentionBlock  # type: ignore[import-untyped]
from compressai.models import CompressionModel, MeanScaleHyperprior  # type: ignore[import-untyped]
from compressai.models.sensetime import ResidualBottleneckBlock  # type: ignore[import-untyped]
from torch import Tensor, nn

from benchmark.codecs.hific import HificModel
from benchmark.codecs.train import hific_beginnings
from benchmark.codecs.train.components import bias_of, components
from benchmark.tensors import Images
from benchmark.threat import LEVELS

TAPS = slice(2, 4)
"""Of a 5x5 kernel of stride 2: those on the place itself and the next, which tile the plane."""
GREY = 0.5
BEND = 0.01
"""How far from linear a nonlinearity begins, for a value of one standard deviation."""
HYPERLATENTS = 4.0
"""Standard deviation of hyperlatents; rounding adds 0.29."""
CLOSED = -4.0
"""Bias of an attention's gate: what it adds begins at a fiftieth."""


def begin(model: CompressionModel, x: Images, weight: float) -> None:
    """Set the weights of `model` from the batch `x`.

    `weight` is the recipe's, and says how finely latents are rounded: where the slope of the rate,
    1 / (step ln 2), is that of the error, weight * step / 18 (three channels a pixel, step^2 / 12).
    """
    step = math.sqrt(18 / (weight * math.log(2))) / LEVELS
    with torch.no_grad():
        if isinstance(model, HificModel):
            hific_beginnings.begin(model, x, step)
            return
        _be_identities(model)
        y = _transforms(model.g_a, model.g_s, x, step**-0.25)
        _expect(model, y.std((0, 2, 3)))
        _be_heard(*_hyperprior(model), y)


def _be_identities(model: nn.Module) -> None:
    for part in model.modules():
        if isinstance(part, ResidualBottleneckBlock):
            nn.init.zeros_(part.conv3.weight)
            nn.init.zeros_(part.conv3.bias)
        elif isinstance(part, AttentionBlock):
            nn.init.zeros_(part.conv_b[-1].weight)
            nn.init.constant_(part.conv_b[-1].bias, CLOSED)


def _transforms(
    analysis: nn.Sequential, synthesis: nn.Sequential, x: Tensor, gain: float
) -> Tensor:
    """Set both, each stage of the analysis scaled by `gain`; the latents of `x`."""
    ups = _of(synthesis, nn.ConvTranspose2d)
    inverses = _of(synthesis, GDN)
    known = x.shape[1]
    shift = GREY
    for layer in analysis:
        if isinstance(layer, nn.Conv2d):
            basis, _ = components(x[:, :known] - shift, layer.out_channels)
            _down(layer, gain * basis, shift)
            _up(next(ups), basis / gain, shift)
            known, shift = len(basis), 0
        elif isinstance(layer, GDN):
            gamma = layer.gamma_reparam.init(torch.diag(BEND / x.var((0, 2, 3)).clamp_min(1e-3)))
            layer.gamma.copy_(gamma)
            next(inverses).gamma.copy_(gamma)
        x = layer(x)
    return x


def _of(layers: nn.Sequential, kind: type[Any]) -> Iterator[Any]:
    """From the last to the first."""
    return (layer for layer in reversed(layers) if isinstance(layer, kind))


def _down(layer: nn.Conv2d, basis: Tensor, shift: float) -> None:
    count, channels = basis.shape[:2]
    weight, bias = layer.weight, bias_of(layer)
    weight[:count] = 0
    weight[:count, :channels, TAPS, TAPS] = basis
    bias.zero_()
    bias[:count] = -shift * basis.sum((1, 2, 3))


def _up(layer: nn.ConvTranspose2d, basis: Tensor, shift: float) -> None:
    count, channels = basis.shape[:2]
    weight = layer.weight
    weight[:, :channels] = 0
    weight[:count, :channels, TAPS, TAPS] = basis
    bias_of(layer).fill_(shift)


def _hyperprior(model: CompressionModel) -> tuple[nn.Sequential, nn.Sequential]:
    if isinstance(model, MeanScaleHyperprior):
        return model.h_a, model.h_s
    inner = model.latent_codec["hyper"]
    return inner.h_a, inner.h_s


def _be_heard(analysis: nn.Sequential, synthesis: nn.Sequential, y: Tensor) -> None:
    """Scale each layer but the last, so that hyperlatents stand above the noise of rounding.

    As torch draws them the layers shrink what they are given, and hyperlatents below the noise tell
    nothing for thousands of steps (Mishkin, Matas 2016, arXiv 1511.06422).
    """
    *_, last = analysis
    for layer in [*analysis, *synthesis[:-1]]:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            bias_of(layer).zero_()
            layer.weight.mul_((HYPERLATENTS if layer is last else 1) / layer(y).std())
        y = layer(y)


def _expect(model: CompressionModel, spread: Tensor) -> None:
    """Let the scales that are predicted begin at `spread`, one a channel of the latents."""
    if isinstance(model, MeanScaleHyperprior):
        model.h_s[-1].bias[: len(spread)] = spread
        return
    coder = model.latent_codec["y"]
    for k, part in enumerate(torch.split(spread, coder.groups)):
        codec = coder.latent_codec[f"y{k}"]
        inner: GaussianConditionalLatentCodec = codec.latent_codec["y"]
        bias = codec.entropy_parameters[-1].bias
        order = torch.arange(len(bias))[None, :, None, None]
        scales, _ = inner._chunk(order)
        bias[scales.flatten()] = part
