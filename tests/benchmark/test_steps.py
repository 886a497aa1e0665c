"""Latents coded step by step: the strings are compressai's."""

import torch
from compressai.entropy_models import GaussianConditional
from torch import Tensor

from benchmark.codecs.steps import Step, Symbols, _indexes, decoded, encoded


def conditional() -> GaussianConditional:
    gaussian = GaussianConditional(None)
    gaussian.update_scale_table(torch.exp(torch.linspace(-2.2, 4, 64)))
    return gaussian


def test_one_step_is_compressais_string() -> None:
    gaussian, generator = conditional(), torch.Generator().manual_seed(2)
    scales = torch.exp(6 * torch.rand(1, 5, 7, 3, generator=generator) - 3)
    means = 4 * torch.randn(1, 5, 7, 3, generator=generator)
    y = means + 3 * scales * torch.randn(1, 5, 7, 3, generator=generator)

    def latents(symbols: Symbols) -> Tensor:
        return symbols(Step((), scales, means)) + means

    string = encoded(gaussian, latents, lambda _: y)
    indexes = gaussian.build_indexes(scales)
    assert string == gaussian.compress(y, indexes, means)[0]
    assert torch.equal(decoded(gaussian, latents, string), torch.round(y - means) + means)
    assert torch.equal(
        gaussian.decompress([string], indexes, means=means), torch.round(y - means) + means
    )


def test_a_step_may_depend_on_those_before_it() -> None:
    gaussian = conditional()
    y = 9 * torch.randn(4, 1, 6, generator=torch.Generator().manual_seed(3))

    def latents(symbols: Symbols) -> Tensor:
        known = [torch.zeros(1, 6)]
        for i in range(4):
            means = known[-1] / 2
            step = Step((i,), means.abs() + 0.3, means)
            known.append(symbols(step) + means)
        return torch.stack(known[1:])

    string = encoded(gaussian, latents, lambda step: y[step.place[0]])
    found = decoded(gaussian, latents, string)
    assert (found - y).abs().max() <= 0.5 + 1e-5


def test_indexes_are_compressais() -> None:
    gaussian = conditional()
    scales = torch.cat(
        [gaussian.scale_table, torch.tensor([-1.0, 0.0, 0.11, 1e4]), torch.rand(500) * 60]
    )
    assert _indexes(gaussian, scales) == gaussian.build_indexes(scales).tolist()
