"""Learned codecs: a model of compressai, as a codec whose forward does what its bitstream does.

Compressai's models round in eval mode, so that picture and rate have no gradient at all. Here every
rounding of a model has slope 1 (`benchmark.gradients.straight_through_round`, which an estimator
may relax with noise); values stay what they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from compressai.entropy_models import GaussianConditional  # type: ignore[import-untyped]
from compressai.models import CompressionModel  # type: ignore[import-untyped]
from scipy.special import ndtri
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from benchmark.codecs.relaxed_rate import slant_rates
from benchmark.codecs.stream import pack, unpack
from benchmark.defense import Codec, Coded
from benchmark.errors import ContractError
from benchmark.gradients import straight_through_round
from benchmark.tensors import Images, PerImage


class _Sloped(TorchFunctionMode):
    """While active, rounding to integers has slope 1."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.round, Tensor.round) and len(args) == 1 and not kwargs:
            return straight_through_round(args[0])
        return func(*args, **(kwargs or {}))


@contextmanager
def reproducible() -> Iterator[None]:
    """No gradient, and the same arithmetic on every call.

    A decoder must find the very probabilities that the encoder had: one that differs in its last
    bit can turn the rest of the picture into noise.
    """
    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with torch.no_grad(), flags:
        yield


class LearnedCodec(Codec):
    """A compressai model whose latents go through a real entropy coder.

    The stream holds the image's height and width and the model's strings. Images are padded on the
    right and below by repeating the edge, to a multiple of the model's stride, and cropped again.
    """

    def __init__(self, model: CompressionModel, stride: int) -> None:
        """`model` with its weights in place; it is frozen, and its tables are computed here.

        Its `forward` gives `x_hat` and `likelihoods`, its `compress` `strings` and `shape`, its
        `decompress` takes these and gives `x_hat`. `stride` is what a padded side is a multiple of.
        """
        super().__init__()
        self.model = model
        self.stride = stride
        self.eval().requires_grad_(False)
        slant_rates(self.model)
        _spare_statistics(self.model)
        with torch.no_grad():
            self.model.update(force=True)

    def shape(self, height: int, width: int) -> Any:
        """What `model.decompress` takes as `shape` for padded images of this size.

        The last latent's, where the model's `compress` says no more than that; else override it.
        """
        return height // self.stride, width // self.stride

    def compress(self, x: Images) -> list[bytes]:
        """One stream an image.

        One image at a time: in a batch, the last bits of what the probabilities are computed from
        depend on the other images, which the decoder does not have.
        """
        with reproducible():
            return [self._compressed(one[None]) for one in x]

    def _compressed(self, x: Images) -> bytes:
        padded = self.padded(x)
        coded = self.model.compress(padded)
        expected = self.shape(*padded.shape[-2:])
        if coded["shape"] != expected:
            raise ContractError(
                f"{type(self.model).__name__}.compress gave shape {coded['shape']}, expected "
                f"{expected}; override {type(self).__name__}.shape"
            )
        return pack([strings[0] for strings in coded["strings"]], x.shape[-2:])

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The images of `streams`; one that was altered, or is of another size, is an error."""
        with reproducible():
            return torch.cat([self._decompressed(stream, size) for stream in streams])

    def _decompressed(self, stream: bytes, size: tuple[int, int]) -> Images:
        parts, given = unpack(stream, numbers=2)
        height, width = size
        if given != (height, width):
            raise ContractError(
                f"a stream holds {given[0]}x{given[1]} pixels, expected {height}x{width}"
            )
        shape = self.shape(height + -height % self.stride, width + -width % self.stride)
        try:
            x_hat: Tensor = self.model.decompress([[part] for part in parts], shape)["x_hat"]
        except Exception as problem:
            raise ContractError(
                f"a stream of {len(stream)} bytes does not decode as "
                f"{type(self.model).__name__}: {problem!r}"
            ) from problem
        return x_hat[..., :height, :width].clamp(0, 1)

    def forward(self, x: Images) -> Images:
        """What decompressing the streams gives, without entropy coding, with a gradient."""
        return self._picture(self._output(x), x)

    def reconstructed(self, x: Images) -> Images:
        """What the streams decode to, without making them; one image at a time, as they are."""
        with reproducible():
            return torch.cat([self.forward(one[None]) for one in x])

    def round_trip(self, x: Images) -> tuple[list[bytes], Images]:
        """The streams, and what they decode to, without decoding them."""
        return self.compress(x), self.reconstructed(x)

    def surrogate(self, x: Images) -> Images:
        """`forward` itself, for what is made of several rounds."""
        return self.forward(x)

    def likelihood_bits(self, x: Images) -> PerImage:
        """-log2 of the likelihood of all latents, of the hyperprior too.

        Its gradient is that before rounding (see `benchmark.codecs.blurred_rate`).
        """
        return self._bits(self._output(x))

    def coded(self, x: Images) -> Coded:
        """Picture and bits from one pass."""
        output = self._output(x)
        return Coded(self._picture(output, x), self._bits(output))

    def _picture(self, output: Any, x: Images) -> Images:
        height, width = x.shape[-2:]
        x_hat: Tensor = output["x_hat"]
        return x_hat[..., :height, :width].clamp(0, 1)

    def _bits(self, output: Any) -> PerImage:
        likelihoods = output["likelihoods"].values()
        bits = [-torch.log2(likelihood).flatten(1).sum(1) for likelihood in likelihoods]
        return torch.stack(bits).sum(0)

    def _output(self, x: Images) -> Any:
        with _Sloped():
            return self.model(self.padded(x))

    def padded(self, x: Images) -> Tensor:
        """`x` with its edge repeated up to multiples of the stride."""
        height, width = x.shape[-2:]
        edges = (0, -width % self.stride, 0, -height % self.stride)
        return functional.pad(x, edges, mode="replicate") if any(edges) else x


def _spare_statistics(model: CompressionModel) -> None:
    """Take the normal quantile of the tables from where `scipy.stats`, slow to import, has it."""
    for module in model.modules():
        if isinstance(module, GaussianConditional):
            module._standardized_quantile = ndtri
