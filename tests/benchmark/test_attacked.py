"""What an attack may query: counted, on the lattice, averaged over draws, and never crashing."""

import torch
from torch import Tensor

from benchmark.attacked import AttackedModel, tolerant
from benchmark.codecs.pillow import Jpeg
from benchmark.draws import seeded
from benchmark.estimators import ESTIMATORS
from benchmark.tensors import Images, rows
from tests.linear import LinearModel


def test_passes_of_each_image_are_counted(linear: LinearModel) -> None:
    model = AttackedModel(linear, None, 3)
    x = linear.inputs(3)
    model(x)
    part = rows(rows(model, torch.tensor([0, 2])), torch.tensor([1]))
    inner = x[2:].requires_grad_()
    torch.autograd.grad(part(inner).sum(), inner)
    assert model.forwards.tolist() == [1, 1, 2]
    assert model.backwards.tolist() == [0, 0, 1]
    part(x[2:].repeat(5, 1, 1, 1))  # five versions of one image are five queries
    assert model.forwards.tolist() == [1, 1, 7]


def test_it_sees_what_will_be_judged() -> None:
    """It rounds to 8 bits on the way in, and answers for the real JPEG bytes."""
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    wide = LinearModel((3, 16, 16), seed=0)
    jpeg = Jpeg(25)
    model = AttackedModel(wide, ESTIMATORS["surrogate"](jpeg), 1)
    torch.testing.assert_close(model(x), wide(jpeg.forward((x * 255).round() / 255)))


def test_draws_are_averaged_as_log_probabilities(linear: LinearModel) -> None:
    """A defense that adds one random grey to each image, four draws, against the sum by hand."""

    def noisy(x: Images) -> Images:
        return x + 0.1 * torch.rand(len(x), 1, 1, 1)

    x = (linear.inputs(3) * 255).round() / 255
    model = AttackedModel(linear, noisy, 3, draws=4)
    with seeded("test"):
        given = x.clone().requires_grad_()
        found = model(given)
        (slope,) = torch.autograd.grad(found[:, 0].sum(), given)
    with seeded("test"):
        added = 0.1 * torch.rand(12, 1, 1, 1).view(4, 3, 1, 1, 1)
    expected = torch.stack([linear(x + one).log_softmax(1) for one in added]).mean(0)
    torch.testing.assert_close(found, expected)
    assert model.forwards.tolist() == [4, 4, 4]
    assert model.backwards.tolist() == [4, 4, 4]
    weight = torch.stack([linear(x + one).softmax(1)[:, 1] for one in added]).mean(0)
    torch.testing.assert_close(slope, 2 * weight.view(-1, 1, 1, 1) * linear.w)


def test_seeds_are_put_back() -> None:
    before = torch.random.get_rng_state()
    with seeded("a", 1):
        first = torch.rand(3)
    with seeded("a", 1):
        again = torch.rand(3)
    with seeded("a", 2):
        other = torch.rand(3)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_decoder_that_fails_on_one_image_gives_grey_for_it() -> None:
    def fragile(x: Tensor) -> Tensor:
        if float(x.max()) > 0.9:
            raise RuntimeError("a symbol out of range")
        return 2 * x

    x = torch.tensor([0.1, 0.95, 0.3]).view(3, 1, 1, 1).requires_grad_()
    y = tolerant(fragile)(x)
    torch.testing.assert_close(y.flatten(), torch.tensor([0.2, 0.5, 0.6]))
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert slope.flatten().tolist() == [2, 0, 2]
