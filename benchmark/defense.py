"""What stands before a classifier: the classes that a submission implements."""

from typing import ClassVar

from torch import nn

from benchmark.errors import ContractError
from benchmark.tensors import Candidates, Costs, Images, Logits, PerImage


class Defense(nn.Module):
    """Maps images to images of the same shape, sRGB in [0, 1], before the classifier sees them.

    Set `randomized = True` if two calls on the same images may differ. `surrogate` is a
    differentiable stand-in of `forward`; only its gradient is used, never its value.
    """

    randomized: ClassVar[bool] = False

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


class Codec(Defense):
    """A defense through a bitstream, which is what the harness counts and judges."""

    def compress(self, x: Images) -> list[bytes]:
        """One self-contained stream an image."""
        raise ContractError(f"{type(self).__name__} must define compress")

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The images of `streams`, each (3, height, width) for `size = (height, width)`."""
        raise ContractError(f"{type(self).__name__} must define decompress")

    def forward(self, x: Images) -> Images:
        """The images after a round trip through the bitstream."""
        height, width = x.shape[-2:]
        return self.decompress(self.compress(x), (height, width)).to(x.device)

    def likelihood_bits(self, x: Images) -> PerImage:
        """Differentiable estimate of the bits of each stream, for codecs that have one."""
        raise ContractError(f"{type(self).__name__} has no likelihood model")


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
