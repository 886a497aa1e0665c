"""The rates of CompressAI's entropy models, with the slope of `benchmark.codecs.blurred_rate`."""

from typing import Any

import torch
from compressai.entropy_models import (  # type: ignore[import-untyped]
    EntropyBottleneck,
    GaussianConditional,
)
from torch import Tensor, nn

from benchmark.codecs.blurred_rate import slope


def slant_rates(model: nn.Module) -> None:
    """Give the bits of every entropy model inside of `model` this slope.

    Values, and everything in training mode, stay as they are.
    """
    for module in model.modules():
        if isinstance(module, GaussianConditional):
            module.register_forward_hook(_conditional, with_kwargs=True)
        elif isinstance(module, EntropyBottleneck):
            module.register_forward_hook(_bottleneck, with_kwargs=True)


def conditional(module: Any, y: Tensor, y_hat: Tensor, scales: Tensor, means: Any) -> Tensor:
    """Likelihoods of latents that were rounded around `means` (0 if None), with this slope.

    Their gradient reaches the scales as ever.
    """
    places = y if means is None else y - means
    symbols = (y_hat if means is None else y_hat - means).detach()
    likelihoods = _bounded(module, module._likelihood(symbols, scales))
    if not (torch.is_grad_enabled() and places.requires_grad):
        return likelihoods

    def costs(symbols: Tensor) -> Tensor:
        return -_bounded(module, module._likelihood(symbols, scales)).log()

    with torch.no_grad():
        rise = slope(places, symbols, costs)
    return _slanted(likelihoods, rise, places)


def _conditional(module: Any, given: Any, named: Any, output: Any) -> Any:
    y_hat, likelihoods = output
    if not _asked(module, likelihoods):
        return None
    arguments = dict(zip(("inputs", "scales", "means"), given, strict=False)) | named
    y, scales, means = (arguments.get(name) for name in ("inputs", "scales", "means"))
    return y_hat, conditional(module, y, y_hat, scales, means)


def _bottleneck(module: Any, given: Any, named: Any, output: Any) -> Any:
    z_hat, likelihoods = output
    if not _asked(module, likelihoods):
        return None
    z = given[0] if given else named["x"]

    def costs(symbols: Tensor) -> Tensor:
        by_channel = symbols.transpose(0, 1)
        likelihood, _, _ = module._likelihood(by_channel.reshape(len(by_channel), 1, -1))
        likelihood = likelihood.view(by_channel.shape).transpose(0, 1)
        return -_bounded(module, likelihood).log()

    with torch.no_grad():
        rise = slope(z, z_hat, costs)
    return z_hat, _slanted(likelihoods.detach(), rise, z)


def _asked(module: nn.Module, likelihoods: Tensor) -> bool:
    return not module.training and torch.is_grad_enabled() and likelihoods.requires_grad


def _slanted(likelihoods: Tensor, rise: Tensor, places: Tensor) -> Tensor:
    return likelihoods * torch.exp(-rise * (places - places.detach()))


def _bounded(module: Any, likelihoods: Tensor) -> Tensor:
    if not module.use_likelihood_bound:
        return likelihoods
    bounded: Tensor = module.likelihood_lower_bound(likelihoods)
    return bounded
