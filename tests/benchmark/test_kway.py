"""Two-way, K-way, naive randomization, self-ensemble: what is kept, what it costs, its gradient."""

from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.codecs import kway
from benchmark.codecs.kway import KWay
from benchmark.codecs.naive import NaiveRandomization
from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.self_ensemble import SelfEnsemble
from benchmark.codecs.transformed import coded_through
from benchmark.codecs.transforms import Transform, drawn
from benchmark.defense import Codec, Coded, SelectingCodec
from benchmark.draws import seeded
from benchmark.errors import CallError, ContractError
from benchmark.estimators import admitted, selection
from benchmark.geometry import from_bytes, to_bytes, to_lattice
from benchmark.metrics.rate_distortion import rate_distortion
from benchmark.tensors import Images, PerImage
from tests.benchmark.test_learned import codec as learned
from tests.benchmark.test_learned import photographs

HEIGHT, WIDTH = 12, 9


class Corner(Codec):
    """Lossless; a stream is `filler` bytes longer unless the brightest pixel is the first one."""

    def __init__(self, filler: int) -> None:
        super().__init__()
        self.filler = filler

    def compress(self, x: Images) -> list[bytes]:
        made = []
        for pixels in to_bytes(x):
            content = bytes([0xFF, *pixels.shape[1:]]) + pixels.numpy().tobytes()
            first = int(pixels.sum(0).flatten().argmax()) == 0
            made.append(content + (b"" if first else b"\0" * self.filler))
        return made

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        pictures = []
        for stream in streams:
            if (stream[1], stream[2]) != size:
                raise ContractError(f"a stream of {stream[1]}x{stream[2]}, expected {size}")
            content = stream[3 : 3 + 3 * size[0] * size[1]]
            pictures.append(torch.tensor(list(content), dtype=torch.uint8).view(3, *size))
        return from_bytes(torch.stack(pictures))


class Smooth(Codec):
    """A differentiable codec that works on multiples of 4 pixels, its edge repeated."""

    trade_off = 0.02

    def padded(self, x: Images) -> Tensor:
        edges = (0, -x.shape[3] % 4, 0, -x.shape[2] % 4)
        return functional.pad(x, edges, mode="replicate")

    def surrogate(self, x: Images) -> Images:
        return self.coded(x).x_hat

    def likelihood_bits(self, x: Images) -> PerImage:
        return self.coded(x).bits

    def coded(self, x: Images) -> Coded:
        padded = self.padded(x)
        rows = torch.linspace(1, 2, padded.shape[2], dtype=x.dtype)[:, None]
        bits = (padded.square() * rows).flatten(1).sum(1) + 40 * padded[:, 0, 0, 0]
        picture = 0.5 + 0.4 * torch.sin(3 * padded * rows)
        return Coded(picture[..., : x.shape[2], : x.shape[3]], bits)


def dark_but_one(row: int, column: int) -> Tensor:
    draws = torch.Generator().manual_seed(row * WIDTH + column)
    pixels = torch.randint(0, 100, (1, 3, HEIGHT, WIDTH), generator=draws)
    pixels[..., row, column] = 255
    return from_bytes(pixels.to(torch.uint8))


def given(monkeypatch: pytest.MonkeyPatch, *transforms: Transform) -> None:
    """What K-way draws next, the same for each image."""
    left = list(transforms)
    monkeypatch.setattr(kway, "drawn", lambda n: [left.pop(0)] * n)


def test_the_known_best_transform_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the third brings the bright pixel into the corner; a fresh decoder sees bytes alone."""
    x = dark_but_one(8, 2)
    best = Transform(symmetry=2, shift=(HEIGHT - 3, WIDTH - 6))
    given(monkeypatch, Transform(1), Transform(shift=(1, 1)), best)
    (stream,) = KWay(Corner(100), 4, trade_off=1.0).compress(x)
    (bare,) = Corner(100).compress(x)
    assert len(stream) == len(bare) - 100 + 4
    assert int.from_bytes(stream[:4], "big") & 0xFFFFFFF == best.number
    fresh = KWay(Corner(0), 2, trade_off=5.0)
    assert torch.equal(fresh.decompress([stream], (HEIGHT, WIDTH)), x)


@pytest.mark.parametrize(("filler", "kept"), [(3, False), (4, False), (5, True)])
def test_the_bits_of_the_number_count(
    monkeypatch: pytest.MonkeyPatch, filler: int, kept: bool
) -> None:
    """A transform that saves no more than its own 4 bytes is not worth it."""
    given(monkeypatch, Transform(shift=(HEIGHT - 8, WIDTH - 2)))
    x, codec = dark_but_one(8, 2), Corner(filler)
    (stream,) = KWay(codec, trade_off=1.0).compress(x)
    (bare,) = codec.compress(x)
    assert (stream != bare) == kept
    assert len(stream) == len(bare) - (1 if kept else 0)


def loss(codec: Codec, x: Tensor, trade_off: float) -> Tensor:
    """Of the real bytes and the 8-bit pictures, as a judge sees them."""
    streams = codec.compress(x)
    height, width = x.shape[-2:]
    x_hat = to_lattice(codec.decompress(streams, (height, width)))
    bits = torch.tensor([8.0 * len(stream) for stream in streams], dtype=torch.float64)
    return rate_distortion(x.double(), x_hat.double(), bits, trade_off)


@cache
def blocks() -> Tensor:
    """Flat blocks of 8x8 pixels, 3 rows and 5 columns off JPEG's own."""
    draws = torch.Generator().manual_seed(4)
    pixels = torch.randint(0, 256, (3, 3, 12, 16), generator=draws).to(torch.uint8)
    large = pixels.repeat_interleave(8, 2).repeat_interleave(8, 3)
    return from_bytes(large.roll((3, 5), (2, 3)))


@pytest.mark.parametrize("ways", [2, 4])
@pytest.mark.parametrize("name", ["jpeg", "learned"])
def test_the_loss_is_never_above_the_bare_codecs(name: str, ways: int) -> None:
    """Photographs, noise and blocks, real bytes, whatever is drawn; 17 rows need an escape."""
    codec: Codec = Jpeg(25) if name == "jpeg" else learned("mean")
    trade_off = 0.0075 if name == "jpeg" else 0.02
    draws = torch.Generator().manual_seed(6)
    noise = from_bytes(torch.randint(0, 256, (2, 3, 64, 96), generator=draws).to(torch.uint8))
    for x in (photographs(4, 128, 192), photographs(2, 33, 47), blocks(), noise):
        bare = loss(codec, x, trade_off)
        for seed in range(2):
            with seeded("never above", seed):
                kept = loss(KWay(codec, ways, trade_off=trade_off), x, trade_off)
            assert (kept <= bare).all()


def test_a_shift_onto_jpegs_blocks_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    x = blocks()
    given(monkeypatch, Transform(shift=(5, 3)))
    bare, kept = loss(Jpeg(25), x, 0.0075), loss(KWay(Jpeg(25), trade_off=0.0075), x, 0.0075)
    assert (kept < 0.7 * bare).all()


def test_self_ensemble_keeps_the_smallest_error_of_eight() -> None:
    x, codec = photographs(5, 100, 132), Jpeg(10)
    errors = []
    for symmetry in range(8):
        transform = Transform(symmetry)
        x_hat = transform.undo(codec.forward(transform.apply(x)), (100, 132))
        errors.append((x_hat - x).double().square().flatten(1).mean(1))
    ensemble = SelfEnsemble(codec)
    streams = ensemble.compress(x)
    found = ensemble.decompress(streams, (100, 132))
    error = (found - x).double().square().flatten(1).mean(1)
    torch.testing.assert_close(error, torch.stack(errors).amin(0))
    assert (error < errors[0]).any()
    best = torch.stack(errors).argmin(0).tolist()
    assert [stream[0] for stream in streams] == [
        0x10 + number if number else 0xFF for number in best
    ]
    assert not ensemble.randomized
    assert ensemble.compress(x) == streams


def test_naive_always_transforms_and_may_cost_more() -> None:
    x = photographs(4, 96, 128)
    naive, codec = NaiveRandomization(Jpeg(50)), Jpeg(50)
    with seeded("naive"):
        transforms = drawn(4)
    with seeded("naive"):
        streams = naive.compress(x)
    with seeded("again"):
        assert naive.compress(x) != streams
    for one, stream, transform in zip(x, streams, transforms, strict=True):
        (inner,) = codec.compress(transform.apply(one[None]))
        assert stream[:4] == (0x10000000 + transform.number).to_bytes(4, "big")
        assert len(stream) == len(inner) + 4
    assert sum(map(len, streams)) > sum(map(len, codec.compress(x)))


def test_branches_are_the_codec_behind_each_transform() -> None:
    x, codec = photographs(2, 100, 132), learned("mean")
    made = KWay(codec, 3, trade_off=0.02)
    with seeded("branches"), torch.no_grad():
        branches = made.branches(x)
    with seeded("branches"):
        first, second = drawn(2), drawn(2)
    assert branches.x_hat.shape == (3, 2, 3, 100, 132)
    for k, transforms in enumerate([[Transform()] * 2, first, second]):
        for i, transform in enumerate(transforms):
            with torch.no_grad():
                x_hat, bits = codec.coded(transform.apply(x[i : i + 1]))
            picture = transform.undo(x_hat, (100, 132))
            torch.testing.assert_close(branches.x_hat[k, i : i + 1], picture, rtol=0, atol=1e-4)
            written = bits + (32 if k else 0)
            torch.testing.assert_close(branches.bits[k, i : i + 1], written, rtol=1e-4, atol=0)
            cost = rate_distortion(x[i : i + 1], picture, written, 0.02)
            torch.testing.assert_close(branches.costs[k, i : i + 1], cost, rtol=1e-3, atol=0)


def test_draws_repeat_the_batch_with_fresh_transforms() -> None:
    x = photographs(2, 64, 64)
    made = KWay(learned("mean"), 2, trade_off=0.02)
    with seeded("draws"), torch.no_grad():
        branches = made.branches(x, 3)
    assert branches.x_hat.shape == (2, 6, 3, 64, 64)
    plain, other = branches.bits.view(2, 3, 2)
    assert torch.equal(plain[0], plain[1])
    assert torch.equal(plain[0], plain[2])
    assert len(set(other[:, 0].tolist())) == 3
    with seeded("draws"):
        transforms = drawn(6)
    with torch.no_grad():
        expected = coded_through(learned("mean"), x.repeat(3, 1, 1, 1), transforms)
    torch.testing.assert_close(branches.x_hat[1], expected.x_hat, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["two-way", "naive", "self-ensemble"])
def test_the_differentiable_pass_is_the_stream(kind: str) -> None:
    """The same draws: the picture to the bit of an image alone, the bits within the container."""
    codec = learned("mean")
    made: Codec = {
        "two-way": lambda: KWay(codec, trade_off=0.02),
        "naive": lambda: NaiveRandomization(codec),
        "self-ensemble": lambda: SelfEnsemble(codec),
    }[kind]()
    for i, one in enumerate(photographs(4, 128, 96)):
        x = one[None]
        with seeded("pass", i), torch.no_grad():
            x_hat, bits = made.coded(x)
        with seeded("pass", i):
            streams = made.compress(x)
        torch.testing.assert_close(made.decompress(streams, (128, 96)), x_hat, rtol=0, atol=1e-4)
        assert abs(8 * len(streams[0]) - float(bits)) < 0.03 * float(bits) + 400


@pytest.mark.parametrize("kind", ["costs", "bits", "x_hat", "naive", "chosen"])
def test_the_gradient_is_that_of_finite_differences(kind: str) -> None:
    """Through turns, stretches and shifts, in groups of several sizes, with the same draws."""
    two_way, naive = KWay(Smooth(), 3), NaiveRandomization(Smooth())

    def value(x: Tensor) -> Tensor:
        with seeded("differences"):
            if kind == "naive":
                coded = naive.coded(x)
                return torch.cat([coded.bits, coded.x_hat.flatten(1).square().sum(1)])
            if kind == "chosen":
                return two_way.coded(x).bits
            found: Tensor = getattr(two_way.branches(x), kind)
            return found.flatten(2).square().sum(2) if kind == "x_hat" else found

    draws = torch.Generator().manual_seed(1)
    x = 0.3 + 0.4 * torch.rand(2, 3, 5, 6, generator=draws, dtype=torch.float64)
    assert torch.autograd.gradcheck(value, x.requires_grad_())


def test_images_go_through_the_codec_together() -> None:
    """One pass for all that are extended to the same size."""
    sizes: list[int] = []

    class Counting(Smooth):
        def coded(self, x: Images) -> Coded:
            sizes.append(len(x))
            return super().coded(x)

    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    stretched = [Transform(s, (1 + s % 4, 4), (s, 3)) for s in range(6)]
    coded_through(Counting(), x, stretched)
    assert sorted(sizes) == [6]


def test_a_learned_codec_has_a_live_gradient_through_the_selection() -> None:
    x = photographs(1, 64, 64)
    made = KWay(learned("mean"), trade_off=0.02)
    assert admitted(made, "surrogate", x) == ("surrogate", "selection", "identity")
    for mapped in (selection(made), made.surrogate, NaiveRandomization(learned("mean")).surrogate):
        with seeded("alive"):
            varied = x.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(mapped(varied).square().sum(), varied)
        assert (gradient != 0).float().mean() > 0.9


def test_traditional_codecs_have_real_bits_in_their_branches() -> None:
    x = photographs(2, 64, 80)
    with seeded("real"):
        branches = KWay(Jpeg(50), trade_off=0.02).branches(x)
    real = [8 * len(stream) for stream in Jpeg(50).compress(x)]
    assert branches.bits[0].tolist() == real


def test_what_a_wrong_call_says() -> None:
    with pytest.raises(CallError, match=r"1 ways: expected 2 to 32"):
        KWay(Smooth(), 1)
    with pytest.raises(CallError, match=r"trade_off None of Jpeg: expected a number above 0"):
        KWay(Jpeg(50))
    with pytest.raises(ContractError, match="Jpeg has no likelihood model"):
        KWay(Jpeg(50), trade_off=0.1).likelihood_bits(photographs(1, 16, 16))


def test_the_bare_codec_and_its_trade_off() -> None:
    codec = Smooth()
    for made in (KWay(codec), NaiveRandomization(codec), SelfEnsemble(codec)):
        assert made.bare() is codec
        assert made.trade_off == 0.02
        assert made.has_likelihood
        assert isinstance(made, SelectingCodec) == (not isinstance(made, NaiveRandomization))
    assert KWay(codec, trade_off=0.5).trade_off == 0.5
    assert codec.bare() is codec
