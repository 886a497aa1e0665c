"""Square: schedule and shapes against the paper, proposals by their rules, optima where known."""

import math

import pytest
import torch
from torch import Tensor

from benchmark.attacks import square_l2, square_linf
from benchmark.attacks.square import share_at, square
from benchmark.errors import CallError
from benchmark.geometry import distance, generators
from benchmark.threat import Budget, Norm, ThreatModel
from tests.linear import LinearModel

LINF = ThreatModel(Norm.LINF, 8)
L2 = ThreatModel(Norm.L2, 0.3)
EACH_THREAT = pytest.mark.parametrize("threat", [LINF, L2], ids=str)


class Watched(LinearModel):
    """Counts the images it sees, and refuses to be asked for a gradient."""

    def __init__(self) -> None:
        super().__init__((3, 4, 5), seed=3)
        self.images = 0

    def forward(self, x: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.images += len(x)
        return super().forward(x)


def test_the_squares_shrink_as_in_the_paper() -> None:
    marks = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
    assert share_at(0, 10_000) == 0.8
    for number, mark in enumerate(marks):
        assert share_at(mark, 10_000) == 0.8 / 2**number
        assert share_at(mark + 1, 10_000) == 0.8 / 2 ** (number + 1)
    assert share_at(61, 300) == share_at(2033, 10_000)


def uniform(n: int, columns: int, seed: int = 0) -> Tensor:
    return torch.rand(n, columns, generator=torch.Generator().manual_seed(seed))


def test_stripes_are_vertical_and_at_corners_of_the_ball() -> None:
    x = torch.full((2, 3, 6, 7), 0.5)
    drawn = torch.rand(x.shape, generator=torch.Generator().manual_seed(1))
    stripes = (square_linf.begin(x, drawn, LINF) - x) * 255
    torch.testing.assert_close(stripes.abs(), torch.full_like(x, 8))
    assert (stripes == stripes[:, :, :1]).all()
    assert len(stripes[:, :, 0].sign().unique()) == 2


@pytest.mark.parametrize("c", [1, 3])
def test_a_linf_proposal_changes_one_square_and_always_something(c: int) -> None:
    """From a picture of one color, half of the colors of one channel would change nothing."""
    n, side = 64, 4  # a share of 0.4 of 40 pixels
    x = torch.full((n, c, 8, 5), 0.5)
    best = x + LINF.eps
    drawn = uniform(n, square_linf.columns(c))
    changed = square_linf.propose(x, best, drawn, 0.4, LINF) != best
    assert changed.flatten(1).any(1).all()
    places = changed.any(1)
    assert (places.flatten(1).sum(1) == side * side).all()
    assert (places.any(2).sum(1) == side).all()
    assert (places.any(1).sum(1) == side).all()
    corners = {(int(p.any(1).byte().argmax()), int(p.any(0).byte().argmax())) for p in places}
    assert {top for top, _ in corners} == set(range(5))
    assert {left for _, left in corners} == {0, 1}


def test_two_bumps_by_hand() -> None:
    """Around the center 1 + 1/4, in the ring next to it 1/4."""
    shape = torch.tensor([[0.25, 1.25, 0.25], [-0.25, -0.25, -0.25], [-0.25, -1.25, -0.25]])
    torch.testing.assert_close(square_l2.bumps(3), shape / shape.norm())
    five = square_l2.bump(5, 5)
    rings = torch.tensor([1 + 1 / 4 + 1 / 9, 1 / 4 + 1 / 9, 1 / 9])
    torch.testing.assert_close(five[2, 2:], rings)
    torch.testing.assert_close(five[0], rings[2].expand(5))


@pytest.mark.parametrize("size", [(40, 40), (7, 4), (1, 1), (2, 9)])
def test_the_l2_start_is_on_the_sphere(size: tuple[int, int]) -> None:
    x = torch.full((2, 3, *size), 0.5)
    drawn = torch.rand(x.shape, generator=torch.Generator().manual_seed(1))
    begun = square_l2.begin(x, drawn, L2)
    torch.testing.assert_close(distance(x, begun, Norm.L2), torch.full((2,), L2.eps))


@pytest.mark.parametrize("size", [(40, 40), (9, 16), (3, 3)])
def test_an_l2_proposal_moves_mass_between_two_squares(size: tuple[int, int]) -> None:
    """The ball stays spent, and what lies in neither square stays as it was."""
    x = torch.full((8, 3, *size), 0.5)
    drawn = torch.rand(x.shape, generator=torch.Generator().manual_seed(1))
    best = square_l2.begin(x, drawn, L2)
    drawn = uniform(8, square_l2.columns(3))
    proposed = square_l2.propose(x, best, drawn, 0.02, L2)
    torch.testing.assert_close(distance(x, proposed, Norm.L2), torch.full((8,), L2.eps))
    side = max(round(math.sqrt(0.02 * size[0] * size[1])), min(3, *size))
    side -= 1 - side % 2
    squares = [
        square_linf.window(*square_linf.corner(part, side, x), side, x)
        for part in (drawn, drawn[:, 2:])
    ]
    outside = ~(squares[0] | squares[1]).expand_as(x)
    assert torch.equal(proposed[outside], best[outside])
    emptied = (squares[1] & ~squares[0]).expand_as(x)
    assert torch.equal(proposed[emptied], x[emptied])


def test_an_l2_proposal_spends_what_the_box_took() -> None:
    """The perturbation has used 0.1 of 0.3: the square gets the rest."""
    x = torch.full((1, 1, 20, 20), 0.5)
    best = x.clone()
    best[0, 0, 0, 0] += 0.1
    proposed = square_l2.propose(x, best, uniform(1, square_l2.columns(1)), 0.1, L2)
    torch.testing.assert_close(distance(x, proposed, Norm.L2), torch.tensor([0.3]))


@pytest.mark.parametrize("restarts", [1, 2])
def test_reaches_the_linf_optimum_of_a_linear_model(linear: LinearModel, restarts: int) -> None:
    x, y = linear.inputs(2), torch.zeros(2, dtype=torch.int64)
    budget = Budget(LINF, queries=1500 * restarts, restarts=restarts, until_broken=False)
    drop = (linear(x) - linear(square(linear, x, y, budget)))[:, 0]
    optimum = torch.full((2,), linear.largest_drop(LINF))
    torch.testing.assert_close(drop, optimum, rtol=0.02, atol=0)


@pytest.mark.parametrize(("w", "share"), [("bumps", 0.9), ("noise", 0.6)])
def test_comes_near_the_l2_optimum_of_a_linear_model(w: str, share: float) -> None:
    """Of two bumps it finds 0.93; of noise, which its squares fit least, 0.7."""
    model = LinearModel((1, 12, 12), seed=3)
    if w == "bumps":
        model.w.zero_()[:, 3:8, 4:9] = square_l2.bumps(5)
    x, y = torch.full((1, 1, 12, 12), 0.5), torch.zeros(1, dtype=torch.int64)
    x_adv = square(model, x, y, Budget(L2, queries=1500, until_broken=False))
    assert float((model(x) - model(x_adv))[0, 0]) >= share * model.largest_drop(L2)
    assert float(distance(x, x_adv, Norm.L2)) <= L2.eps * (1 + 1e-5)


@EACH_THREAT
@pytest.mark.parametrize("restarts", [1, 2, 3])
def test_every_query_is_counted(threat: ThreatModel, restarts: int) -> None:
    """No image breaks: all queries are spent, whatever the restarts share of them."""
    model = Watched()
    x, y = model.inputs(3), torch.zeros(3, dtype=torch.int64)
    square(model, x, y, Budget(threat, queries=10, restarts=restarts))
    assert model.images == 3 * 10


@EACH_THREAT
def test_a_broken_image_is_asked_about_no_more(threat: ThreatModel) -> None:
    model = Watched()
    x, y = model.inputs(2), torch.tensor([0, 1])
    square(model, x, y, Budget(threat, queries=10))
    assert model.images == 10 + 1
    model.images = 0
    square(model, x, y, Budget(threat, queries=10, until_broken=False))
    assert model.images == 20


@pytest.mark.parametrize(("queries", "restarts"), [(0, 1), (1, 2)])
def test_without_queries_it_says_what_to_set(queries: int, restarts: int) -> None:
    model = Watched()
    x, y = model.inputs(1), torch.tensor([0])
    with pytest.raises(CallError, match=f"queries = {queries}: expected at least one for each"):
        square(model, x, y, Budget(LINF, queries=queries, restarts=restarts))


def test_random_numbers_belong_to_the_image() -> None:
    x = torch.rand(3, 3, 4, 5, generator=torch.Generator().manual_seed(1))

    def numbers(x: Tensor, seed: int, restart: int) -> list[list[float]]:
        return [torch.rand(4, generator=one).tolist() for one in generators(x, seed, restart)]

    first = numbers(x, 1, 0)
    assert numbers(x[1:2], 1, 0) == first[1:2]
    drawn = [*first, *numbers(x, 2, 0), *numbers(x, 1, 1)]
    assert len({tuple(one) for one in drawn}) == 9
