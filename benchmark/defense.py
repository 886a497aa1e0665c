"""What stands before a classifier: the classes that a submission implements."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmark.errors import ContractError
from benchmark.tensors import Candidates, Costs, Images, Logits, PerImage
from benchmark.transfers import to_device


class Defense(nn.Module):
    """Maps images to images of the same shape, sRGB in [0, 1], before the classifier sees them.

    Set `randomized = True` if two calls on the same images may differ. `surrogate` is a
    differentiable stand-in of `forward`; only its gradient is used, never its value.
    """

    randomized: bool = False

    def forward(self, x: Images) -> Images:
        """The defended images."""
        raise ContractError(f"{type(self).__name__} must define forward")

    def surrogate(self, x: Images) -> Images:
        """A differentiable stand-in of `forward`; the identity unless overridden."""
        return x


class Repeated(Defense):
    """A defense that applies one step several times; the attack also follows one step's gradient.

    Through many rounds of rounding a gradient dies or explodes while one round's still tells which
    way to go.
    """

    def one_round(self, x: Images) -> Images:
        """A differentiable stand-in of one round; only its gradient is used."""
        raise ContractError(f"{type(self).__name__} must define one_round")


class Selecting(Defense):
    """A defense that makes several candidates and keeps the cheapest (two-way, K-way).

    Attacks follow the gradient through a soft minimum over the candidates.
    """

    def candidates(self, x: Images) -> tuple[Candidates, Costs]:
        """Differentiable stand-ins of the candidates (k, n, c, h, w), and their costs (k, n)."""
        raise ContractError(f"{type(self).__name__} must define candidates")


class Coded(NamedTuple):
    """What a codec makes of images, differentiable as far as the codec is."""

    x_hat: Images
    bits: PerImage


class Codec(Defense):
    """A defense through a bitstream, which is what the harness counts and judges.

    `trade_off` is the lambda of `trade_off * 255**2 * MSE + bits per pixel`, the loss that a codec
    was trained for (CompressAI's scale: pixels in [0, 1]), or that it stands at; None if unknown.
    """

    trade_off: float | None = None

    def compress(self, x: Images) -> list[bytes]:
        """One self-contained stream an image."""
        raise ContractError(f"{type(self).__name__} must define compress")

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The images of `streams`, each (3, height, width) for `size = (height, width)`."""
        raise ContractError(f"{type(self).__name__} must define decompress")

    def forward(self, x: Images) -> Images:
        """The images after a round trip through the bitstream."""
        return self.round_trip(x)[1]

    def reconstructed(self, x: Images) -> Images:
        """What the streams of `x` decode to, to the bit; with no gradient."""
        with torch.no_grad():
            return self.forward(x)

    def round_trip(self, x: Images) -> tuple[list[bytes], Images]:
        """The streams, and the images that they decode to."""
        height, width = x.shape[-2:]
        streams = self.compress(x)
        x_hat = self.decompress(streams, (height, width))
        if not isinstance(x_hat, Tensor):
            name = f"{type(self).__name__}.decompress"
            raise ContractError(f"{name} returned {type(x_hat).__name__}, expected a tensor")
        return streams, to_device(x_hat, x.device)

    @property
    def has_likelihood(self) -> bool:
        """Whether `likelihood_bits` is there."""
        return type(self).likelihood_bits is not Codec.likelihood_bits

    def likelihood_bits(self, x: Images) -> PerImage:
        """Differentiable estimate of the bits of each stream, for codecs that have one."""
        raise ContractError(f"{type(self).__name__} has no likelihood model")

    def coded(self, x: Images) -> Coded:
        """`surrogate` and `likelihood_bits` together, which a codec may compute in one pass.

        Without a likelihood model the bits are those of real streams, and have no gradient.
        """
        if self.has_likelihood:
            return Coded(self.surrogate(x), self.likelihood_bits(x))
        bits = [8.0 * len(stream) for stream in self.compress(x)]
        return Coded(self.surrogate(x), x.new_tensor(bits))

    def padded(self, x: Images) -> Tensor:
        """`x` as the codec extends it to sizes that it can code; its corner is `x`.

        Coding these gives the same bits as coding `x`, and pictures whose corner is the same.
        """
        return x

    def bare(self) -> "Codec":
        """The codec without its defense, which an adversary attacks who knows of none."""
        return self


class Branches(NamedTuple):
    """What a selecting codec chooses from, one of `k` for each image.

    `bits` count everything that would be written; `costs` say which is kept, the one of the
    smallest. All have gradients as far as the codec has.
    """

    x_hat: Candidates
    bits: Costs
    costs: Costs


class SelectingCodec(Codec, Selecting):
    """A codec that codes each image in several ways and keeps the one of the smallest cost.

    An adversary who knows it follows the gradient of a soft minimum over `branches`.
    """

    def branches(self, x: Images, draws: int = 1) -> Branches:
        """Every way to code each of `x`; a randomized codec draws them anew in every call.

        With `draws` above 1 it is `x.repeat(draws, 1, 1, 1)` whose branches come back, with fresh
        ones for each repetition: what expectation over transformation needs, in one batch.
        """
        raise ContractError(f"{type(self).__name__} must define branches")

    def candidates(self, x: Images) -> tuple[Candidates, Costs]:
        """The pictures of the branches, and their costs."""
        branches = self.branches(x)
        return branches.x_hat, branches.costs

    def coded(self, x: Images) -> Coded:
        """Picture and bits of the branch that each image would be coded by."""
        branches = self.branches(x)
        kept = branches.costs.argmin(0)
        images = torch.arange(len(x), device=kept.device)
        return Coded(branches.x_hat[kept, images], branches.bits[kept, images])

    def surrogate(self, x: Images) -> Images:
        """The picture of the branch that each image would be coded by."""
        return self.coded(x).x_hat


class Classifier(nn.Module):
    """Classifies images by itself, in the place of the protocol's classifier.

    Images are as for a `Defense`, in the size of the inputs of the classifier that it replaces.
    There is one logit for each label number of the dataset, from 0 on: 1000 for ImageNet and
    Imagenette. `randomized` and `surrogate` are as for a `Defense`.
    """

    randomized: bool = False

    def forward(self, x: Images) -> Logits:
        """The logits (n, k) that are judged; an image's answer is the largest one."""
        raise ContractError(f"{type(self).__name__} must define forward")

    def surrogate(self, x: Images) -> Logits:
        """A differentiable stand-in of `forward`; `forward` itself unless overridden."""
        return self.forward(x)


Plugin = Defense | Classifier
"""What a submission's class may be."""
