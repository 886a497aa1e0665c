"""CW and DeepFool: the distance to the boundary where it is known, and what they leave alone."""

import dataclasses

import pytest
import torch
from torch import Tensor

from benchmark.attacks import ATTACKS, MINIMAL
from benchmark.attacks.cw import cw, cw_search
from benchmark.attacks.deepfool import deepfool, to_nearest_boundary
from benchmark.classifiers import LoadedClassifier
from benchmark.datasets import shapes
from benchmark.geometry import distance, to_lattice
from benchmark.gradients import straight_through
from benchmark.loss import margin
from benchmark.threat import Budget, Norm, ThreatModel
from tests.linear import LinearModel

BUDGET = Budget(ThreatModel(Norm.L2, 0.5), steps=60)
EACH = pytest.mark.parametrize("name", sorted(MINIMAL))


class Hyperplane(LinearModel):
    """Grey pictures lie at distance 0.3 from the boundary, along w."""

    def forward(self, x: Tensor) -> Tensor:
        score = ((x - 0.5) * self.w).flatten(1).sum(1) / self.w.norm() + 0.3
        return torch.stack([score, -score], 1)


@EACH
@pytest.mark.parametrize("n", [1, 3])
def test_the_distance_to_a_hyperplane(name: str, n: int) -> None:
    model = Hyperplane((3, 4, 5), seed=3)
    x, y = torch.full((n, 3, 4, 5), 0.5), torch.zeros(n, dtype=torch.int64)
    x = x + torch.linspace(0, 0.1, n).view(-1, 1, 1, 1) * model.w / model.w.norm()
    nearest = model(x)[:, 0]
    x_adv = ATTACKS[name](model, x, y, BUDGET)
    assert (margin(model(x_adv), y) < 0).all()
    assert (distance(x, x_adv, Norm.L2) >= nearest * (1 - 1e-5)).all()
    assert (distance(x, x_adv, Norm.L2) <= nearest * (1.021 if name == "deepfool" else 1.03)).all()


class Ring(LinearModel):
    """Class 1 is what lies more than 0.5 away from grey."""

    def forward(self, x: Tensor) -> Tensor:
        score = 0.25 - (x - 0.5).square().flatten(1).sum(1)
        return torch.stack([score, -score], 1)


@EACH
def test_the_distance_to_a_sphere(name: str) -> None:
    model = Ring((3, 4, 5), seed=3)
    x = 0.5 + 0.2 * model.w[None] / model.w.norm()
    y = torch.tensor([0])
    x_adv = ATTACKS[name](model, x, y, BUDGET)
    assert float(margin(model(x_adv), y)) < 0
    size = float(distance(x, x_adv, Norm.L2))
    if name == "deepfool":  # its first step is that of the tangent, (0.25 - 0.2^2) / (2 * 0.2)
        assert size == pytest.approx(1.02 * 0.525, rel=1e-3)
    else:
        assert 0.3 <= size <= 0.3 * 1.05


class Wedge(LinearModel):
    """Five classes; the boundary of class 3 is the nearest, though its logit is the lowest."""

    def forward(self, x: Tensor) -> Tensor:
        at = (x - 0.5).flatten(1)[:, :4]
        rises = at * torch.tensor([1.0, 2.0, 40.0, 4.0]) - torch.tensor([0.5, 0.7, 2.0, 0.9])
        return torch.cat([torch.zeros(len(x), 1), rises], 1)


def test_deepfool_steps_to_the_nearest_of_all_boundaries() -> None:
    """Distances 0.5, 0.35, 0.05, 0.225: the third class, along the third pixel."""
    model = Wedge((3, 4, 5), seed=3)
    x, y = torch.full((1, 3, 4, 5), 0.5), torch.tensor([0])
    step = to_nearest_boundary(model, x, y, torch.tensor([[1, 2, 3, 4]])).flatten()
    expected = torch.zeros(60)
    expected[2] = 0.05
    torch.testing.assert_close(step, expected, rtol=1e-3, atol=1e-7)
    found = deepfool(model, x, y, BUDGET)
    torch.testing.assert_close((found - x).flatten(), 1.02 * expected, rtol=1e-3, atol=1e-7)


def test_deepfool_looks_at_ten_classes() -> None:
    class Many(Wedge):
        """The class with the nearest boundary is the eleventh."""

        def forward(self, x: Tensor) -> Tensor:
            five = super().forward(x)
            likely = torch.linspace(-0.01, -0.05, 6).expand(len(x), 6)
            return torch.cat([five, likely], 1)

    x, y = torch.full((1, 3, 4, 5), 0.5), torch.tensor([0])
    found = deepfool(Many((3, 4, 5), seed=3), x, y, BUDGET)
    assert int((found - x).flatten().argmax()) == 3  # 0.9 / 4: the nearest but one


class Counting(Hyperplane):
    def __init__(self) -> None:
        super().__init__((3, 4, 5), seed=3)
        self.images = 0

    def forward(self, x: Tensor) -> Tensor:
        self.images += len(x)
        return super().forward(x)


@EACH
def test_an_image_misclassified_already_comes_back_after_one_pass(name: str) -> None:
    model = Counting()
    x, y = torch.full((2, 3, 4, 5), 0.5), torch.ones(2, dtype=torch.int64)
    assert torch.equal(ATTACKS[name](model, x, y, BUDGET), x)
    assert model.images == 2


def test_the_passes_of_each_attack() -> None:
    """DeepFool crosses a hyperplane in one step: a ranking, a gradient, a check."""
    x, y = torch.full((1, 3, 4, 5), 0.5), torch.tensor([0])
    budget = dataclasses.replace(BUDGET, steps=7)
    for attack, passes in ((cw, 1 + 8), (cw_search, 1 + 9 * 8), (deepfool, 1 + 2)):
        model = Counting()
        attack(model, x, y, budget)
        assert model.images == passes


@EACH
@pytest.mark.parametrize("k", [2, 3, 12])
def test_what_cannot_be_broken_comes_back(name: str, k: int) -> None:
    """The logits do not depend on the image: no gradient, nothing found."""
    x, y = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 0])

    def model(x: Tensor) -> Tensor:
        return torch.linspace(1, 0, k).expand(len(x), k) + 0 * x.sum()

    budget = dataclasses.replace(BUDGET, steps=3)
    assert torch.equal(ATTACKS[name](model, x, y, budget), x)


@EACH
def test_black_and_white_pixels(name: str) -> None:
    """w is finite there, and the answer stays in the box."""
    model = Hyperplane((3, 4, 5), seed=3)
    model.w.abs_()
    x = (torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    y = model(x).argmax(1)
    x_adv = ATTACKS[name](model, x, y, dataclasses.replace(BUDGET, steps=5))
    assert torch.isfinite(x_adv).all()
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


@EACH
def test_the_radius_changes_nothing(name: str) -> None:
    model = Hyperplane((3, 4, 5), seed=3)
    x, y = torch.full((2, 3, 4, 5), 0.5), torch.zeros(2, dtype=torch.int64)
    other = dataclasses.replace(BUDGET, threat=ThreatModel(Norm.LINF, 1), until_broken=False)
    one, same = (ATTACKS[name](model, x, y, budget) for budget in (BUDGET, other))
    assert torch.equal(one, same)


@EACH
def test_a_model_that_rounds_images_is_broken_on_the_lattice(name: str) -> None:
    """Rounding hides up to half a level of each pixel; the rounded answer is misclassified."""
    bare = Hyperplane((3, 16, 16), seed=3)
    rounded = straight_through(to_lattice)
    x = to_lattice(torch.full((2, 3, 16, 16), 0.5))
    y = torch.zeros(2, dtype=torch.int64)
    x_adv = ATTACKS[name](lambda x: bare(rounded(x)), x, y, BUDGET)
    judged = to_lattice(x_adv)
    assert (margin(bare(judged), y) < 0).all()
    assert (distance(x, judged, Norm.L2) <= 1.06 * bare(x)[:, 0]).all()


def test_on_a_network_the_search_is_nearest(mini_resnet: LoadedClassifier) -> None:
    pictures = shapes.load()
    prepared = [mini_resnet.recipe.prepare(pictures.read(i), str(i)) for i in range(4)]
    x = torch.stack(prepared).float() / 255
    with torch.no_grad():
        y = mini_resnet.model(x).argmax(1)
    size = {}
    for attack in (cw, cw_search, deepfool):
        x_adv = attack(mini_resnet.model, x, y, dataclasses.replace(BUDGET, steps=20))
        with torch.no_grad():
            assert (margin(mini_resnet.model(x_adv), y) < 0).all()
        size[attack] = distance(x, x_adv, Norm.L2)
    assert float(size[cw_search].mean()) < float(size[cw].mean())
    # Of one image it meets the boundary of another class than the nearest, at every c.
    assert int((size[cw_search] < size[deepfool]).sum()) >= 3
