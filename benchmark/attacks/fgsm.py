"""Fast gradient sign method (Goodfellow, Shlens, Szegedy 2015, arXiv 1412.6572)."""

import torch

from benchmark.geometry import project, steepest
from benchmark.loss import loss_gradient, margin
from benchmark.tensors import Images, Labels, Model
from benchmark.threat import Budget


def fgsm(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """One step of the full radius along the steepest direction; `budget.steps` is not read.

    With `budget.until_broken` an image that is misclassified already stays as it is. The step is
    not looked at again, which would cost half as much as it.
    """
    gradient, logits = loss_gradient(model, x, y)
    stepped = project(
        x + budget.threat.eps * steepest(gradient, budget.threat.norm), x, budget.threat
    )
    stays = (margin(logits, y) < 0) & budget.until_broken
    return torch.where(stays[:, None, None, None], x, stepped)
