"""HiFiC (Mentzer et al. 2020, arXiv 2006.09965) as a model of compressai, of any width.

The arithmetic is that of its torch port, Justin-Tan/high-fidelity-generative-compression, with one
difference: the port rounds by floor(x + 0.5), this by round(x), which differ only half-way between
two integers. The entropy coder is compressai's, so the port does not read these streams.
"""

from dataclasses import dataclass
from typing import Any

import torch
from compressai.entropy_models import (  # type: ignore[import-untyped]
    EntropyBottleneck,
    GaussianConditional,
)
from compressai.models import CompressionModel  # type: ignore[import-untyped]
from compressai.ops import quantize_ste  # type: ignore[import-untyped]
from torch import Tensor, nn

from benchmark.codecs.hific_networks import (
    Encoder,
    Generator,
    HyperAnalysis,
    HyperSynthesis,
    reflected,
)
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.steps import all_decoded, all_encoded
from benchmark.errors import CallError
from benchmark.tensors import Images

STRIDE = 16
"""Pixels a latent, along each side."""
HYPER_STRIDE = 4
"""Latents a hyperlatent, along each side."""
FARTHEST = 1024
"""Hyperlatents farther from 0 are escaped, so that no table grows without bound."""


class HyperlatentDensity(EntropyBottleneck):  # type: ignore[misc]
    """The port's density of hyperlatents: compressai's, with a nonlinearity after the last layer.

    Its layers are narrower than compressai's default, and it rounds to integers, not around the
    medians. Its range is found from the density itself, so there is no auxiliary loss to train.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, filters=(3, 3, 3))
        self.factors.append(nn.Parameter(torch.zeros(channels, 1, 1)))
        quantiles = self.quantiles.detach().clone()
        del self.quantiles
        self.register_buffer("quantiles", quantiles, persistent=False)

    def _get_medians(self) -> Tensor:
        return torch.zeros_like(self.quantiles[:, :, 1:2])

    def _logits_cumulative(self, inputs: Tensor, stop_gradient: bool) -> Tensor:
        logits: Tensor = super()._logits_cumulative(inputs, stop_gradient)
        factor = self.factors[-1].detach() if stop_gradient else self.factors[-1]
        return logits + torch.tanh(factor) * torch.tanh(logits)

    def _likelihood(
        self, inputs: Tensor, stop_gradient: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As compressai's, but taken in the lower tail, where a difference keeps its digits."""
        lower = self._logits_cumulative(inputs - 0.5, stop_gradient)
        upper = self._logits_cumulative(inputs + 0.5, stop_gradient)
        sign = torch.where(lower + upper > 0, -1.0, 1.0)
        return (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs(), lower, upper

    def update(self, force: bool = False, update_quantiles: bool = False) -> bool:
        """Compute the tables, on the integers between the density's tails."""
        if force or self._offset.numel() == 0:
            self._update_quantiles()
            self.quantiles.clamp_(-FARTHEST, FARTHEST)
            self.quantiles[:, :, 1] = 0
        updated: bool = super().update(force=force)
        return updated


class LogisticConditional(GaussianConditional):  # type: ignore[misc]
    """Logistic distributions of given means and scales, in place of Gaussian ones."""

    def __init__(self) -> None:
        # The tails are long: what lies in the outermost millionth is escaped.
        super().__init__(None, tail_mass=1e-6)

    def _standardized_cumulative(self, inputs: Tensor) -> Tensor:
        return torch.sigmoid(inputs)

    @staticmethod
    def _standardized_quantile(quantile: float) -> float:
        return float(torch.logit(torch.tensor(quantile, dtype=torch.float64)))


CONDITIONALS = {"gaussian": lambda: GaussianConditional(None), "logistic": LogisticConditional}


@dataclass(frozen=True)
class Shape:
    """What a HiFiC model is made of; the defaults are the paper's.

    `filters` are the encoder's widths, the generator's in reverse. `normalized` models see images
    in [-1, 1] and end in a tanh.
    """

    filters: tuple[int, ...] = (60, 120, 240, 480, 960)
    latents: int = 220
    hyperlatents: int = 320
    blocks: int = 9
    likelihood: str = "gaussian"
    normalized: bool = True


class Hyperprior(nn.Module):
    """What is known of the latents: their means and scales, and the hyperlatents' density."""

    def __init__(self, latents: int, hyperlatents: int) -> None:
        super().__init__()
        self.analysis_net = HyperAnalysis(latents, hyperlatents)
        self.synthesis_mu = HyperSynthesis(latents, hyperlatents)
        self.synthesis_std = HyperSynthesis(latents, hyperlatents)
        self.hyperlatent_likelihood = HyperlatentDensity(hyperlatents)


class HificModel(CompressionModel):  # type: ignore[misc]
    """Encoder, hyperprior and generator. Takes images whose sides are multiples of 16."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        if shape.likelihood not in CONDITIONALS:
            raise CallError(f"likelihood {shape.likelihood!r}: expected {', '.join(CONDITIONALS)}")
        if len(shape.filters) != 5 or min(*shape.filters, shape.latents) < 2:
            raise CallError(
                f"filters {shape.filters}, latents {shape.latents}: expected five widths, each at "
                f"least 2"
            )
        self.made_as = shape
        self.Encoder = Encoder(shape.filters, shape.latents)
        self.Generator = Generator(shape.filters, shape.latents, shape.blocks)
        self.Hyperprior = Hyperprior(shape.latents, shape.hyperlatents)
        self.conditional = CONDITIONALS[shape.likelihood]()

    def forward(self, x: Images) -> dict[str, Any]:
        """`x_hat`, and the likelihoods of latents and hyperlatents.

        In training, likelihoods are of latents with noise; the generator sees rounded ones.
        """
        y = self._latents(x)
        z_hat, z_likelihoods = self._density(self.Hyperprior.analysis_net(y))
        scales, means = self._gaussians(z_hat)
        y_hat, y_likelihoods = self.conditional(y, scales, means=means)
        if self.training:
            y_hat = quantize_ste(y - means) + means
        x_hat = self._images(y_hat)[..., : x.shape[-2], : x.shape[-1]]
        return {"x_hat": x_hat, "likelihoods": {"y": y_likelihoods, "z": z_likelihoods}}

    def compress(self, x: Images) -> dict[str, Any]:
        """The strings of latents and hyperlatents, of each image, and the hyperlatents' size."""
        y = self._latents(x)
        z = self.Hyperprior.analysis_net(y)
        z_strings = self._density.compress(z)
        gaussians = self._gaussians(self._density.decompress(z_strings, z.shape[-2:]))
        y_strings = all_encoded(self.conditional, gaussians, y)
        return {"strings": [y_strings, z_strings], "shape": z.shape[-2:]}

    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int]) -> dict[str, Any]:
        """The images of the strings, 64 pixels a hyperlatent: to be cropped."""
        y_strings, z_strings = strings
        gaussians = self._gaussians(self._density.decompress(z_strings, shape))
        return {"x_hat": self._images(all_decoded(self.conditional, gaussians, y_strings))}

    @property
    def _density(self) -> HyperlatentDensity:
        return self.Hyperprior.hyperlatent_likelihood

    def _latents(self, x: Images) -> Tensor:
        """The latents, mirrored on the right and below up to a whole number of hyperlatents."""
        y = self.Encoder(2 * x - 1 if self.made_as.normalized else x)
        height, width = y.shape[-2:]
        return reflected(y, 0, -width % HYPER_STRIDE, 0, -height % HYPER_STRIDE)

    def _gaussians(self, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        """The scales and means of all latents."""
        return self.Hyperprior.synthesis_std(z_hat), self.Hyperprior.synthesis_mu(z_hat)

    def _images(self, y_hat: Tensor) -> Images:
        x_hat: Tensor = self.Generator(y_hat)
        return (torch.tanh(x_hat) + 1) / 2 if self.made_as.normalized else x_hat


class HificCodec(LearnedCodec):
    """A HiFiC model behind its bitstream. Images are mirrored up to a multiple of 16, as there."""

    def __init__(self, model: HificModel) -> None:
        super().__init__(model, STRIDE)

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """The hyperlatents' size."""
        whole = STRIDE * HYPER_STRIDE
        return -(-height // whole), -(-width // whole)

    def padded(self, x: Images) -> Tensor:
        """`x` mirrored up to multiples of the stride."""
        height, width = x.shape[-2:]
        return reflected(x, 0, -width % STRIDE, 0, -height % STRIDE)
