"""SHIELD's mixture: every block is one of four real JPEG files', drawn evenly, and by its seed."""

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.codecs.local_quantization import QUALITIES, LocalQuantization
from benchmark.codecs.pillow import Jpeg
from benchmark.datasets import photos
from benchmark.defense import Codec, Defense
from benchmark.draws import seeded
from benchmark.errors import CallError
from benchmark.estimators import ESTIMATORS, admitted
from benchmark.geometry import from_bytes
from benchmark.tensors import Images
from leaderboard.engine.wire import Job
from tests.boxes import plugin_of
from tests.leaderboard.commands import SUBMISSIONS


def photographs(height: int = 256, width: int = 256, n: int = 4) -> Tensor:
    loaded = photos.load()
    pixels = np.stack([loaded.read(i)[:height, :width] for i in range(n)])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2))


def blocks(x: Tensor) -> Tensor:
    """Blocks of 8x8 pixels (n, blocks, values) of pictures whose sides are multiples of 8."""
    tiled = x.unfold(2, 8, 8).unfold(3, 8, 8)
    return tiled.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def fits(mixed: Tensor, versions: list[Tensor]) -> Tensor:
    """Whether each block of the mixture is that of each version (k, n, blocks)."""
    near = [(blocks(mixed) - blocks(version)).abs() < 1e-5 for version in versions]
    return torch.stack([one.all(2) for one in near])


def test_every_block_is_that_of_one_of_the_four_files() -> None:
    x = photographs()
    files = [Jpeg(quality).forward(x) for quality in (20, 40, 60, 80)]
    with seeded(0):
        found = fits(LocalQuantization().forward(x), files)
    assert found.any(0).all()
    told_apart = found.sum(0) == 1  # flat blocks are the same in several files
    n = int(told_apart.sum())
    assert n > 3500
    counts = found[:, told_apart].sum(1)
    five_deviations = 5 * (n * 0.25 * 0.75) ** 0.5
    assert ((counts - n / 4).abs() < five_deviations).all(), counts
    neighbors = found.float().argmax(0).view(4, 32, 32)
    same = (neighbors[:, :, 1:] == neighbors[:, :, :-1]).float().mean()
    assert 0.2 < same < 0.3  # a block says nothing of the next one


def test_a_seed_decides_the_draw() -> None:
    x, defense = photographs(n=2), LocalQuantization()

    def drawn(seed: int) -> Tensor:
        with seeded(seed):
            return defense.forward(x)

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    with seeded(1):
        first, second = defense.forward(x), defense.forward(x)
    assert torch.equal(first, drawn(1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 30), (64, 64), (65, 71)])
def test_pictures_of_any_size(height: int, width: int) -> None:
    x = photographs(height, width, 2)
    y = LocalQuantization((5, 95)).forward(x)
    assert y.shape == x.shape
    files = torch.stack([Jpeg(quality).forward(x) for quality in (5, 95)])
    assert (y == files).any(0).all()


def test_the_surrogate_draws_the_same_blocks() -> None:
    x, defense = photographs(n=2), LocalQuantization()
    versions = [Jpeg(quality).surrogate(x) for quality in QUALITIES]
    files = [Jpeg(quality).forward(x) for quality in QUALITIES]
    with seeded(3):
        judged = fits(defense.forward(x), files)
    with seeded(3):
        stand_in = fits(defense.surrogate(x), versions)
    told_apart = judged.sum(0) == 1
    assert torch.equal(judged[:, told_apart], stand_in[:, told_apart])


def test_the_estimator_follows_the_blocks_that_it_shows() -> None:
    """Its gradient is that of the mixture of differentiable JPEG by the draw of this very call."""
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    defense = LocalQuantization()
    assert admitted(defense, "surrogate", x) == ("surrogate", "identity")
    files = [Jpeg(quality).forward(x) for quality in QUALITIES]
    mapped = ESTIMATORS["surrogate"](defense)
    shown = []
    with seeded(4):
        for _ in range(3):
            leaf = x.clone().requires_grad_()
            y = mapped(leaf)
            (slope,) = torch.autograd.grad(y.square().sum(), leaf)
            found = fits(y, files)
            assert (found.sum(0) == 1).all()  # no two files agree on a block of noise
            shown.append(found)
            leaf = x.clone().requires_grad_()
            mixed = sum(
                (2 * y.detach() * _pixels(own) * codec.surrogate(leaf)).sum()
                for own, codec in zip(found, defense.codecs, strict=True)
            )
            assert isinstance(mixed, Tensor)
            (expected,) = torch.autograd.grad(mixed, leaf)
            torch.testing.assert_close(slope, expected)
            assert (blocks(slope).abs().amax(2) > 0).all()
    assert not torch.equal(shown[0], shown[1])


def _pixels(own: Tensor) -> Tensor:
    """Blocks (n, 64) of pictures of 64x64 pixels as a mask of their pixels."""
    squares = own.view(len(own), 1, 8, 8)
    return squares.repeat_interleave(8, 2).repeat_interleave(8, 3)


def test_a_randomized_defense_and_its_surrogate_share_their_draws() -> None:
    """Of x -> u x with u drawn anew, the slope is the u of the value."""

    class Scaled(Defense):
        randomized = True

        def forward(self, x: Images) -> Images:
            return torch.rand(len(x), 1, 1, 1) * x.detach()

        def surrogate(self, x: Images) -> Images:
            return torch.rand(len(x), 1, 1, 1) * x

    x = torch.rand(3, 3, 4, 4).requires_grad_()
    with seeded(5):
        mapped = ESTIMATORS["surrogate"](Scaled())
        for _ in range(2):
            y = mapped(x)
            (slope,) = torch.autograd.grad(y.sum(), x)
            torch.testing.assert_close(slope * x, y)


def test_it_has_no_rate() -> None:
    assert not isinstance(LocalQuantization(), Codec)
    assert LocalQuantization().randomized


@pytest.mark.parametrize("qualities", [(20,), (20, 20), ()])
def test_qualities_that_make_no_mixture(qualities: tuple[int, ...]) -> None:
    with pytest.raises(CallError, match="expected two or more different ones"):
        LocalQuantization(qualities)


def shield(qualities: object) -> LocalQuantization:
    job = Job(
        protocol={},
        beside=(),
        source=str(SUBMISSIONS / "shield" / "defense.py"),
        class_name="Shield",
        kind="purifier",
        gradient="surrogate",
        randomized=True,
        parameters={"qualities": qualities},
        device="cpu",
        precision="fp32",
    )
    made = plugin_of(job)
    assert isinstance(made, LocalQuantization)
    return made


def test_the_submission() -> None:
    assert [codec.quality for codec in shield("20 40 60 80").codecs] == [20, 40, 60, 80]
    with pytest.raises(CallError, match="qualities '20, 40': expected numbers with spaces"):
        shield("20, 40")
    with pytest.raises(CallError, match="JPEG quality 120: expected 1 to 100"):
        shield("20 120")
