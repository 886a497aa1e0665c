"""The transforms of two-way compression: their number, their geometry, their gradient."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.codecs.transforms import COUNT, IDENTITY, INDEX_BITS, Transform, drawn, resized
from benchmark.draws import seeded
from benchmark.errors import ContractError

EXACT = st.builds(
    Transform,
    st.integers(0, 7),
    st.just((0, 0)),
    st.tuples(st.integers(0, 64), st.integers(0, 64)),
)


def numbered(height: int, width: int) -> torch.Tensor:
    """Every value once, so that no two pictures can be taken for each other."""
    return torch.arange(3 * height * width).view(1, 3, height, width).float()


def test_there_are_as_many_as_the_paper_says() -> None:
    assert COUNT == 8 * 65**2 * 65**2 == 142_805_000
    assert 2 ** (INDEX_BITS - 1) < COUNT <= 2**INDEX_BITS


def test_the_ends() -> None:
    assert Transform.of(0) == IDENTITY == Transform(0, (0, 0), (0, 0))
    assert Transform.of(COUNT - 1) == Transform(7, (64, 64), (64, 64))
    assert Transform.of(1) == Transform(0, (0, 0), (0, 1))
    assert Transform.of(65**4) == Transform(1, (0, 0), (0, 0))
    for outside in (-1, COUNT):
        with pytest.raises(ContractError, match=rf"transform {outside}: expected 0 to 142804999"):
            Transform.of(outside)


@given(st.integers(0, COUNT - 1))
def test_number_and_transform_are_one_to_one(number: int) -> None:
    assert Transform.of(number).number == number


@given(
    st.builds(
        Transform,
        st.integers(0, 7),
        st.tuples(st.integers(0, 64), st.integers(0, 64)),
        st.tuples(st.integers(0, 64), st.integers(0, 64)),
    )
)
def test_transform_and_number_are_one_to_one(transform: Transform) -> None:
    assert Transform.of(transform.number) == transform


@settings(deadline=None)
@given(EXACT, st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_turns_mirrors_and_shifts_are_undone_exactly(
    transform: Transform, size: tuple[int, int]
) -> None:
    x = numbered(*size)
    there = transform.apply(x)
    assert there.shape[2:] == transform.size(*size)
    assert there.flatten().sort().values.tolist() == x.flatten().tolist()
    assert torch.equal(transform.undo(there, size), x)


def test_the_eight_symmetries_differ_and_are_what_they_are_called() -> None:
    x = numbered(2, 3)
    made = [Transform(symmetry).apply(x) for symmetry in range(8)]
    assert len({(one.shape, tuple(one.flatten().tolist())) for one in made}) == 8
    assert torch.equal(made[1], torch.rot90(x, 1, (2, 3)))
    assert torch.equal(made[4], x.flip(3))
    assert torch.equal(made[6], x.flip(2))


def test_a_shift_rolls() -> None:
    x = numbered(4, 5)
    shifted = Transform(shift=(1, 3)).apply(x)
    assert torch.equal(shifted[..., 1:, 3:], x[..., :-1, :-3])
    assert torch.equal(shifted[..., 0, 3:], x[..., -1, :-3])


def test_a_stretch_keeps_a_flat_picture_and_nearly_keeps_a_smooth_one() -> None:
    draws = random.Random(1)
    down, right = torch.meshgrid(torch.arange(61.0), torch.arange(83.0), indexing="ij")
    waves = 0.5 + 0.3 * torch.sin(down / 6) * torch.cos(right / 8)
    for x, allowed in ((torch.full((1, 3, 61, 83), 0.3), 1e-6), (waves.expand(1, 3, 61, 83), 5e-3)):
        for _ in range(20):
            transform = Transform.of(draws.randrange(COUNT))
            there = transform.apply(x)
            assert there.shape[2:] == transform.size(61, 83)
            assert (transform.undo(there, (61, 83)) - x).abs().max() < allowed


def test_the_smallest_picture_and_the_largest_transform() -> None:
    x = torch.full((1, 3, 1, 1), 0.25)
    there = Transform.of(COUNT - 1).apply(x)
    assert there.shape == (1, 3, 65, 65)
    torch.testing.assert_close(Transform.of(COUNT - 1).undo(there, (1, 1)), x)


def test_the_gradient_is_that_of_finite_differences() -> None:
    draws = torch.Generator().manual_seed(0)
    x = 0.3 + 0.4 * torch.rand(1, 1, 5, 7, generator=draws, dtype=torch.float64)
    for transform in (Transform(3, (4, 0), (2, 5)), Transform(6, (1, 9), (64, 64))):
        assert torch.autograd.gradcheck(transform.apply, x.requires_grad_())
        there = transform.apply(x).detach().requires_grad_()
        assert torch.autograd.gradcheck(lambda y, t=transform: t.undo(y, (5, 7)), there)


def test_resizing_to_the_same_size_changes_nothing() -> None:
    x = numbered(3, 4)
    assert resized(x, (3, 4)) is x


def test_draws_are_uniform_and_seeded() -> None:
    with seeded("draws"):
        first = drawn(8000)
    with seeded("draws"):
        again = drawn(8000)
    with seeded("others"):
        assert drawn(8000) != first
    assert again == first
    symmetries = torch.bincount(torch.tensor([one.symmetry for one in first]), minlength=8)
    assert ((symmetries - 1000).abs() < 5 * 1000**0.5).all()
    for axis in (0, 1):
        for kind in ("stretch", "shift"):
            found = torch.tensor([getattr(one, kind)[axis] for one in first]).float()
            assert set(found.tolist()) == set(range(65))
            assert abs(float(found.mean()) - 32) < 5 * 18.8 / 8000**0.5
