"""A slope for the bits of rounded latents that says which way they grow.

A probability falls to both sides of the likeliest symbol, which is the one that most latents round
to: there its slope is 0, and an adversary who follows it finds nothing to raise. What he needs to
know is what the next symbol would cost and how near it is. So the bits are those of the rounded
latents, and their slope is that of their mean under Laplacian noise of scale `BLUR` before the
rounding: steep at the threshold to the next symbol, and never quite flat before it.
"""

from collections.abc import Callable

import torch
from torch import Tensor

BLUR = 0.15
"""In symbols."""


def density(distance: Tensor) -> Tensor:
    """Of the noise, at a distance in symbols."""
    return torch.exp(-distance.abs() / BLUR) / (2 * BLUR)


def slope(places: Tensor, symbols: Tensor, costs: Callable[[Tensor], Tensor]) -> Tensor:
    """How fast the mean cost rises with the latents `places`, which round to `symbols`.

    `costs` says what symbols cost. Of the thresholds the two next to a latent count.
    """
    here, above, below = costs(symbols), costs(symbols + 1), costs(symbols - 1)
    offset = places - symbols
    return (above - here) * density(offset - 0.5) + (here - below) * density(offset + 0.5)
