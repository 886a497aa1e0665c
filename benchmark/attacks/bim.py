"""Basic iterative method, iFGSM (Kurakin, Goodfellow, Bengio 2017, arXiv 1607.02533)."""

from benchmark.attacks.ascent import ascend
from benchmark.attacks.pgd import step_size
from benchmark.tensors import Images, Labels, Model
from benchmark.threat import Budget


def bim(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """Gradient steps from the clean image, without a random start; eps/4 each for 10 steps."""
    return ascend(model, x, y, budget, start=x, step=step_size(budget))[0]
