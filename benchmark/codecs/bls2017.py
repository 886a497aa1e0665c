"""The codec of Balle, Laparra, Simoncelli 2017 (arXiv 1611.01704), at one of five steps.

One autoencoder, trained at step 1; a larger step rounds its latents more coarsely. A symbol's
probability is in a table for its channel and the step.
"""

from typing import Any

import torch
from compressai._CXX import pmf_to_quantized_cdf  # type: ignore[import-untyped]
from compressai.ans import RansDecoder, RansEncoder  # type: ignore[import-untyped]
from compressai.models import CompressionModel  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional

from benchmark.codecs.blurred_rate import slope
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.parameters import fill
from benchmark.errors import CallError
from benchmark.gradients import straight_through_round
from benchmark.tensors import Images
from benchmark.weights import find, read_weights

WEIGHTS = "bls2017.safetensors"
SHA256 = "3d96a87ad1837558685ef157d5bf5f5c6bbb70237cdf94de3ca92b6f8e45832f"
STEPS = (1, 2, 4, 8, 16)
TRADE_OFF = 0.125
"""Lambda that the autoencoder was trained for.

The slopes of its own curve on Kodak agree with it: 0.056, 0.0150, 0.0047 and 0.0013 bits a pixel
for a squared grey level between steps 1, 2, 4, 8 and 16, where 0.125 / step^2 says 0.0625, 0.0156,
0.0039 and 0.00098 half-way.
"""
CHANNELS = 128
STRIDE = 16
LARGEST = 256
"""Symbols are clamped to +-256, which is what the tables hold."""
PRECISION = 16
"""Bits of a probability in the entropy coder."""


class Bls2017(LearnedCodec):
    """The codec with its published weights, N = 128, trained at lambda = 0.125."""

    def __init__(self, step: int) -> None:
        """`step` is 1, 2, 4, 8 or 16: the rate falls from about 1.3 to 0.09 bits a pixel."""
        if step not in STEPS:
            raise CallError(f"bls2017 with step {step}: expected one of {STEPS}")
        path = find(WEIGHTS, sha256=SHA256)
        tensors = read_weights(path, None)
        tables = {one: tensors.pop(f"prior.step{one}") for one in STEPS}
        network = Network(step, tensors.pop("med"), tables[step].float())
        fill(network, tensors, path)
        super().__init__(network, STRIDE)
        self.trade_off = TRADE_OFF / step**2


class Normalization(nn.Module):
    """Divides by, or if `inverse` multiplies by, `beta + gamma |x|`."""

    def __init__(self, *, inverse: bool) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(CHANNELS))
        self.gamma = nn.Parameter(torch.eye(CHANNELS))
        self.inverse = inverse

    def forward(self, x: Images) -> Images:
        """`x` with its channels normalized by each other."""
        norm = functional.conv2d(x.abs(), self.gamma[:, :, None, None], self.beta)
        return x * norm if self.inverse else x / norm


class Network(CompressionModel):  # type: ignore[misc]
    """Analysis, tables and synthesis, with the methods of a compressai model."""

    medians: Tensor
    code_lengths: Tensor

    def __init__(self, step: int, medians: Tensor, table: Tensor) -> None:
        """`table` (channels, symbols) are probabilities, from the symbol -256 on."""
        super().__init__()
        self.a0 = nn.Conv2d(3, CHANNELS, 9, stride=4, padding=4)
        self.g0 = Normalization(inverse=False)
        self.a1 = nn.Conv2d(CHANNELS, CHANNELS, 5, stride=2, padding=2)
        self.g1 = Normalization(inverse=False)
        self.a2 = nn.Conv2d(CHANNELS, CHANNELS, 5, stride=2, padding=2, bias=False)
        self.s0 = _upsampling(CHANNELS, 5, 2)
        self.i0 = Normalization(inverse=True)
        self.s1 = _upsampling(CHANNELS, 5, 2)
        self.i1 = Normalization(inverse=True)
        self.s2 = _upsampling(3, 9, 4)
        self.step = step
        self.register_buffer("medians", medians[:, None, None])
        self.register_buffer("code_lengths", -torch.log2(table))
        self._tables = _coder_tables(table)

    def forward(self, x: Images) -> dict[str, Any]:
        """The reconstruction, and the likelihoods of the symbols."""
        y = self._latents(x)
        symbols = self._symbols(y)
        likelihoods = torch.exp2(-self._bits(symbols, self._places(y)))
        return {"x_hat": self._picture(symbols), "likelihoods": {"y": likelihoods}}

    def compress(self, x: Images) -> dict[str, Any]:
        """A string of each image's symbols, channel by channel."""
        symbols = self._symbols(self._latents(x))
        shape = symbols.shape[-2:]
        channels = _channels(shape[0] * shape[1])
        coder = RansEncoder()
        strings = [
            coder.encode_with_indexes(one.flatten().int().tolist(), channels, *self._tables)
            for one in symbols
        ]
        return {"strings": [strings], "shape": shape}

    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int]) -> dict[str, Any]:
        """The reconstruction from each image's string."""
        channels = _channels(shape[0] * shape[1])
        decoded = [
            RansDecoder().decode_with_indexes(string, channels, *self._tables)
            for string in strings[0]
        ]
        symbols = self.medians.new_tensor(decoded).view(len(decoded), CHANNELS, *shape)
        return {"x_hat": self._picture(symbols)}

    def _latents(self, x: Images) -> Tensor:
        y: Tensor = self.a2(self.g1(self.a1(self.g0(self.a0(x)))))
        return y

    def _places(self, y: Tensor) -> Tensor:
        """Where latents lie among the symbols, before rounding."""
        return (y - self.medians) / self.step

    def _symbols(self, y: Tensor) -> Tensor:
        return straight_through_round(self._places(y)).clamp(-LARGEST, LARGEST)

    def _picture(self, symbols: Tensor) -> Images:
        y_hat = symbols * self.step + self.medians
        x_hat: Tensor = self.s2(self.i1(self.s1(self.i0(self.s0(y_hat)))))
        return x_hat

    def _bits(self, symbols: Tensor, places: Tensor) -> Tensor:
        """Code lengths of the symbols; they rise with the places as `blurred_rate` says."""
        with torch.no_grad():
            lengths, rise = self._lengths(symbols), slope(places, symbols, self._lengths)
        return lengths + rise * (places - places.detach())

    def _lengths(self, symbols: Tensor) -> Tensor:
        """What the tables say; of symbols beyond the last one, its length."""
        numbers = (symbols + (LARGEST + 0.5)).long().clamp(0, self.code_lengths.shape[1] - 1)
        by_channel = numbers.transpose(0, 1)
        found = self.code_lengths.gather(1, by_channel.flatten(1))
        return found.view(by_channel.shape).transpose(0, 1)


def _upsampling(channels: int, size: int, factor: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(
        CHANNELS, channels, size, stride=factor, padding=size // 2, output_padding=factor - 1
    )


def _channels(places: int) -> list[int]:
    """The table of each symbol, in the order in which they are coded."""
    return torch.arange(CHANNELS).repeat_interleave(places).tolist()


def _coder_tables(table: Tensor) -> tuple[list[list[int]], list[int], list[int]]:
    """Cumulative tables for compressai's coder, their lengths, their first symbols.

    The coder gives every symbol in a table at least 2^-16, which hundreds of symbols that never
    come would take from those that do. So a table ends with the last that is as likely as that;
    the coder escapes the others, at the cost of the rest of the probability and some bits more.
    """
    tables, firsts = [], []
    for row in table:
        kept = (row >= 2**-PRECISION).nonzero().flatten()
        first, last = int(kept[0]), int(kept[-1])
        inside = row[first : last + 1]
        escape = (row.sum() - inside.sum()).clamp_min(0)
        tables.append(pmf_to_quantized_cdf([*inside.tolist(), float(escape)], PRECISION))
        firsts.append(first - LARGEST)
    return tables, [len(one) for one in tables], firsts
