"""Models whose latents depend on those decoded before (mbt2018, cheng2020), as their bitstream is.

Compressai's own forward of these models rounds around 0 and its `compress` around means that come
from the latents already decoded, so they give different pictures; here all three go through one
loop. It takes the latents diagonal by diagonal: one depends on the two rows above, at most two
columns to the right, and on the two before it in its row, so all with the same `column + 3 * row`
can be computed at once (Minnen, Balle, Toderici 2018, arXiv 1809.02736, has the context).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from compressai.models import CompressionModel, JointAutoregressiveHierarchicalPriors  # type: ignore[import-untyped]
from torch import Tensor

from benchmark.codecs.relaxed_rate import conditional
from benchmark.codecs.steps import Step, Symbols, decoded, encoded
from benchmark.tensors import Images

REACH = 2
"""The context: 5x5 latents around one, of which the 12 before it in reading order are known."""
CONTEXT = [(i // 5, i % 5) for i in range(12)]


class Autoregressive(CompressionModel):  # type: ignore[misc]
    """A compressai model with a 5x5 context, whose forward, compress and decompress agree."""

    def __init__(self, model: JointAutoregressiveHierarchicalPriors) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> dict[str, Any]:
        """The reconstruction from the latents of the bitstream, and the likelihoods of all."""
        model = self.model
        y = model.g_a(x)
        z_hat, z_likelihoods = model.entropy_bottleneck(model.h_a(y))
        parameters = model.h_s(z_hat)
        with torch.no_grad():
            found = self._latents(parameters, lambda step: torch.round(_at(y, step) - step.means))
        y_hat = found + (y - y.detach())
        context = model.context_prediction(y_hat)
        gaussians = model.entropy_parameters(torch.cat([parameters, context], 1))
        scales, means = gaussians.chunk(2, 1)
        likelihoods = conditional(model.gaussian_conditional, y, y_hat, scales, means)
        return {"x_hat": model.g_s(y_hat), "likelihoods": {"y": likelihoods, "z": z_likelihoods}}

    def compress(self, x: Images) -> dict[str, Any]:
        """Strings of the latents and the hyperlatents, of each image."""
        model = self.model
        y = model.g_a(x)
        z = model.h_a(y)
        shape = z.shape[-2:]
        z_strings = model.entropy_bottleneck.compress(z)
        parameters = model.h_s(model.entropy_bottleneck.decompress(z_strings, shape))
        y_strings = [self._string(y[i : i + 1], parameters[i : i + 1]) for i in range(len(y))]
        return {"strings": [y_strings, z_strings], "shape": shape}

    def _string(self, y: Tensor, parameters: Tensor) -> bytes:
        latents = partial(self._latents, parameters)
        return encoded(self.model.gaussian_conditional, latents, partial(_at, y))

    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int]) -> dict[str, Any]:
        """The reconstruction from the strings of each image."""
        y_strings, z_strings = strings
        parameters = self.model.h_s(self.model.entropy_bottleneck.decompress(z_strings, shape))
        latents = [
            self._from_string(string, parameters[i : i + 1]) for i, string in enumerate(y_strings)
        ]
        return {"x_hat": self.model.g_s(torch.cat(latents))}

    def _from_string(self, string: bytes, parameters: Tensor) -> Tensor:
        latents = partial(self._latents, parameters)
        return decoded(self.model.gaussian_conditional, latents, string)

    def _latents(self, parameters: Tensor, symbols: Symbols) -> Tensor:
        """The decoded latents (n, channels, h, w), given the hyperprior's `parameters`."""
        n, _, height, width = parameters.shape
        masked = self.model.context_prediction
        rows, columns = torch.tensor(CONTEXT, device=parameters.device).T[:, :, None]
        weight = masked.weight[:, :, rows[:, 0], columns[:, 0]].flatten(1)
        y_hat = parameters.new_zeros(n, masked.in_channels, height + REACH, width + 2 * REACH)
        for at_rows, at_columns in _diagonals(height, width, parameters.device):
            known = y_hat[:, :, at_rows + rows, at_columns + columns].flatten(1, 2)
            context = weight @ known + masked.bias[:, None]
            given = torch.cat([parameters[:, :, at_rows, at_columns], context], 1)
            gaussians = self.model.entropy_parameters(given[..., None])[..., 0]
            step = Step((at_rows, at_columns), *gaussians.chunk(2, 1))
            y_hat[:, :, at_rows + REACH, at_columns + REACH] = symbols(step) + step.means
        return y_hat[:, :, REACH:, REACH:-REACH]


def _diagonals(height: int, width: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows and columns of the places with the same `column + 3 * row`, one sum after the other."""
    slope = REACH + 1
    for total in range(width + slope * (height - 1)):
        first = max(0, -(-(total - width + 1) // slope))
        last = min(height - 1, total // slope)
        rows = torch.arange(first, last + 1, device=device)
        if len(rows):
            yield rows, total - slope * rows


def _at(y: Tensor, step: Step) -> Tensor:
    rows, columns = step.place
    return y[:, :, rows, columns]
