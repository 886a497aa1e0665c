"""Shapes and units as types. The package's tests check them at every call."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor

from benchmark.threat import Budget

Images = Float[Tensor, "n c h w"]
"""sRGB in [0, 1]."""

Labels = Int[Tensor, " n"]
Logits = Float[Tensor, "n k"]
PerImage = Float[Tensor, " n"]
Mask = Bool[Tensor, " n"]

Candidates = Float[Tensor, "k n c h w"]
"""Several versions of each image."""

Costs = Float[Tensor, "k n"]


Model = Callable[[Images], Logits]
"""What an attack sees: images in, logits out."""

Attack = Callable[[Model, Images, Labels, Budget], Images]
"""What makes adversarial images, `(model, x, y, budget) -> x_adv`."""

ImageMap = Callable[[Images], Images]
"""Images in, images of the same shape out."""

Defended = Float[Tensor, "n *rest"]
"""Defended images (n, c, h, w), or the logits (n, k) of a submission that is a classifier."""

DefenseMap = Callable[[Images], Defended]
"""What an attack sees of a submission: images in, images or logits out."""


@runtime_checkable
class PerImageModel(Protocol):
    """A model that treats each image of its batch by its own state (a count, a seed)."""

    def rows(self, index: Tensor) -> Model:
        """The model of the images `index` of the batch."""
        ...


def rows(model: Model, index: Tensor) -> Model:
    """`model` as it answers for the images `index` of its batch.

    An attack that goes on with part of a batch asks through this, so that counts and random draws
    stay with the image they belong to.
    """
    return model.rows(index) if isinstance(model, PerImageModel) else model
