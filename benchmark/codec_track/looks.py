"""From a codec to a loss: through a selection, over draws, in passes that fit into memory."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmark.codec_track.types import Loss, Measure, Views
from benchmark.defense import Codec, Coded, SelectingCodec
from benchmark.draws import repeated, seed_of, seeded
from benchmark.errors import CallError
from benchmark.estimators import rounding_with_slope
from benchmark.geometry import to_bytes, to_lattice
from benchmark.gradients import soft_minimum_weights
from benchmark.tensors import Costs, Images, PerImage

TEMPERATURE = 1.0
"""Of the soft minimum over branches, as a share of the spread of their costs.

The winner of two then has 73 per cent of the weight. Colder than that, an attack sees the winner
alone, pushes it until the other one wins, and is back where it was.
"""

Look = Callable[[Images, int], Tensor]
"""What `draws` fresh draws of a codec make of images, `(x, draws) -> values`.

The values (draws * n) are those of `x.repeat(draws, 1, 1, 1)`.
"""


def measured(codec: Codec, measure: Measure) -> Look:
    """`measure` of what `codec` makes of images; through the selection of one that selects."""

    def look(x: Images, draws: int) -> Tensor:
        many = repeated(x, draws)
        if not isinstance(codec, SelectingCodec):
            return measure(many, codec.coded(many))
        x_hat, bits, costs = codec.branches(x, draws)
        branches = Coded(x_hat.flatten(0, 1), bits.flatten())
        values = measure(repeated(many, len(costs)), branches)
        return selected(values.view_as(costs), costs)

    return look


def selected(values: Costs, costs: Costs) -> PerImage:
    """The value of each image's cheapest branch, with the gradient of the soft minimum."""
    soft = (soft_minimum_weights(costs, TEMPERATURE) * values).sum(0)
    hard = values.gather(0, costs.argmin(0, keepdim=True)).squeeze(0)
    return soft + (hard - soft).detach()


def loss_of(codec: Codec, look: Look, views: Views) -> Loss:
    """The mean of `look` over `views.draws` fresh draws, on the lattice.

    Value and gradient are computed at once, a few images or draws at a time, so that memory does
    not grow with the batch, the draws or the size of the pictures. What the codec makes of an image
    depends on no other one, nor do its draws. A value that is no number becomes infinite: nothing
    is worse than a codec that returns such a thing.
    """
    if views.draws < 1:
        raise CallError(f"{views.draws} draws of a codec: expected at least 1")
    if views.draws > 1 and not codec.randomized:
        raise CallError(f"{views.draws} draws of {type(codec).__name__}, which is not randomized")
    calls = count()

    def loss(x: Images) -> PerImage:
        pieces = _drawn(x, views, next(calls)) if codec.randomized else _sliced(x, views)
        values: PerImage = _AtOnce.apply(x, look, list(pieces))
        return values

    return loss


class _Piece(NamedTuple):
    """One pass: some images of the batch, `draws` of each, which are a `share` of all its draws.

    `seed` names the draws, None if nothing is drawn.
    """

    images: slice
    draws: int
    share: float
    seed: int | None


def _sliced(x: Images, views: Views) -> Iterator[_Piece]:
    size = _fitting(x, views)
    for start in range(0, len(x), size):
        yield _Piece(slice(start, start + size), 1, 1.0, None)


def _drawn(x: Images, views: Views, call: int) -> Iterator[_Piece]:
    size = _fitting(x, views)
    for i, pixels in enumerate(to_bytes(x).cpu().numpy()):
        for start in range(0, views.draws, size):
            draws = min(size, views.draws - start)
            seed = seed_of("look", views.seed, call, start, pixels.tobytes())
            yield _Piece(slice(i, i + 1), draws, draws / views.draws, seed)


def _fitting(x: Images, views: Views) -> int:
    height, width = x.shape[-2:]
    return max(1, views.pixels // (height * width))


class _AtOnce(torch.autograd.Function):
    """Computes the gradient with the value, piece by piece, and hands it out when asked."""

    @staticmethod
    def forward(context: Any, x: Images, look: Look, pieces: list[_Piece]) -> PerImage:
        rounded, wanted = to_lattice(x), context.needs_input_grad[0]
        values = x.new_zeros(len(x))
        gradient = torch.zeros_like(x) if wanted else None
        for piece in pieces:
            part, slope = _passed(rounded[piece.images], look, piece, wanted=wanted)
            values[piece.images] += part
            if gradient is not None:
                gradient[piece.images] += slope
        context.save_for_backward(gradient)
        return torch.where(values.isnan(), torch.inf, values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = context.saved_tensors
        return gradients[0].view(-1, 1, 1, 1) * gradient, None, None


def _passed(x: Images, look: Look, piece: _Piece, *, wanted: bool) -> tuple[PerImage, Images]:
    """The values of a piece, and their gradient (0 unless `wanted`, or where there is none)."""
    x = x.detach().requires_grad_(wanted)
    with torch.set_grad_enabled(wanted), rounding_with_slope():
        if piece.seed is None:
            values = look(x, piece.draws)
        else:
            with seeded(piece.seed):
                values = look(x, piece.draws)
        mean = piece.share * values.view(piece.draws, len(x)).mean(0)
        total = mean.sum()
    if not (wanted and total.requires_grad):
        return mean.detach(), torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(total, x, allow_unused=True)
    slope = torch.zeros_like(x) if gradient is None else gradient.nan_to_num(0, 0, 0)
    return mean.detach(), slope
