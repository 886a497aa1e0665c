"""What attacks raise and judges read: cross-entropy, margin, DLR; one value an image."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.tensors import Images, Labels, Logits, Model, PerImage

SMALL_GAP = -30.0
"""Below this gap of logits the cross-entropy is exp(gap), to a part in 10^13."""


def margin(logits: Logits, y: Labels) -> PerImage:
    """Logit of the true label minus the largest other one: negative when misclassified."""
    true = logits.gather(1, y[:, None]).squeeze(1)
    others = logits.scatter(1, y[:, None], -torch.inf)
    return true - others.amax(1)


def loss_gradient(model: Model, x: Images, y: Labels) -> tuple[Images, Logits]:
    """Gradient of each image's cross-entropy with respect to its pixels, and the logits."""
    x = x.detach().requires_grad_()
    logits = model(x)
    # In fp64, because in fp32 a softmax within 1e-7 of 1 has no gradient left to follow.
    loss = functional.cross_entropy(logits.double(), y, reduction="sum")
    return gradient_of(loss, x), logits.detach()


def gradient_of(total: Tensor, x: Images, *, keep: bool = False) -> Images:
    """Gradient of a scalar; zero where a defense let none through, as an attack would find it.

    With `keep` the graph stays for another one.
    """
    if not total.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(total, x, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(x) if gradient is None else gradient


def log_cross_entropy(logits: Logits, y: Labels) -> PerImage:
    """Logarithm of the cross-entropy, in fp64.

    It orders images, and points its gradient, as the cross-entropy does; but where a softmax is
    all but 1 the cross-entropy and its gradient vanish, and this does not.
    """
    logits = logits.double()
    true = logits.gather(1, y[:, None]).squeeze(1)
    gap = logits.scatter(1, y[:, None], -torch.inf).logsumexp(1) - true
    log = functional.softplus(gap.clamp_min(SMALL_GAP)).log()
    return torch.where(gap < SMALL_GAP, gap, log)


def targeted_dlr(logits: Logits, y: Labels, target: Labels) -> PerImage:
    """Targeted difference of logits ratio (Croce & Hein 2020, arXiv 2003.01690), in fp64.

    It rises as `target` overtakes `y`, whatever the scale of the logits. The ratio's denominator
    needs four classes: with two or three this is the plain difference of the two logits.
    """
    logits = logits.double()
    true, wanted = (logits.gather(1, label[:, None]).squeeze(1) for label in (y, target))
    if logits.shape[1] < 4:
        return wanted - true
    first, _, third, fourth = logits.topk(4, dim=1).values.unbind(1)
    return (wanted - true) / (first - (third + fourth) / 2 + 1e-12)


class Slope(NamedTuple):
    """The value of an objective at each image, its gradient, and the logits it is made of."""

    gradient: Images
    value: PerImage
    logits: Logits


def slope(model: Model, x: Images, objective: Callable[[Logits], PerImage]) -> Slope:
    """`objective` of the logits and its gradient with respect to the pixels, from one forward."""
    x = x.detach().requires_grad_()
    logits = model(x)
    value = objective(logits)
    return Slope(gradient_of(value.sum(), x), value.detach(), logits.detach())
