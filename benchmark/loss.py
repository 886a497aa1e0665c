"""What attacks raise and judges read: cross-entropy and margin, one value an image."""

import torch
from torch.nn import functional

from benchmark.tensors import Images, Labels, Logits, Model, PerImage


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
    (gradient,) = torch.autograd.grad(loss, x)
    return gradient, logits.detach()
