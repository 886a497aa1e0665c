"""Codecs behind preprocessing, and several times over: what the codec gets, bits, gradients."""

import math

import pytest
import torch

from benchmark.codecs.pillow import Jpeg, Png
from benchmark.codecs.preprocessed import Blur, FewerLevels, Preprocessed
from benchmark.codecs.sequential import Sequential
from benchmark.errors import CallError, ContractError
from tests.benchmark.test_learned import codec as learned
from tests.benchmark.test_learned import photographs


def test_fewer_levels_are_as_many_as_the_bits_allow() -> None:
    ramp = (torch.arange(256) / 255).expand(1, 3, 1, 256)
    for bits in (1, 3, 6, 8):
        found = FewerLevels(bits)(ramp)
        assert len(found.unique()) == 2**bits
        assert (found - ramp).abs().max() <= 0.5 / (2**bits - 1) + 1e-6
    torch.testing.assert_close(FewerLevels(8)(ramp), ramp)


def test_the_blur_of_a_point_is_a_gaussian() -> None:
    x = torch.zeros(1, 3, 21, 25)
    x[..., 10, 12] = 1
    found = Blur(1.5)(x)[0, 0]
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    down, right = torch.arange(21) - 10, torch.arange(25) - 12
    assert float((found.sum(1) * down**2).sum()) == pytest.approx(1.5**2, rel=0.05)
    assert float((found.sum(0) * right**2).sum()) == pytest.approx(1.5**2, rel=0.05)
    assert float(found[10, 13] / found[10, 12]) == pytest.approx(math.exp(-1 / 4.5), rel=1e-4)


def test_a_blur_keeps_flat_pictures_of_any_size() -> None:
    for size in ((1, 1), (1, 9), (2, 3), (40, 50)):
        x = torch.full((2, 3, *size), 0.3)
        torch.testing.assert_close(Blur(2.0)(x), x)


def test_the_codec_gets_the_changed_picture() -> None:
    """Exactly: behind a lossless codec only the change is left."""
    x = photographs(2, 40, 56)
    before = [Blur(0.7), FewerLevels(4)]
    made = Preprocessed(Png(), before)
    streams = made.compress(x)
    changed = FewerLevels(4)(Blur(0.7)(x))
    torch.testing.assert_close(made.decompress(streams, (40, 56)), changed, rtol=0, atol=2 / 255)
    assert streams == Png().compress(changed)
    assert made.bare() is made.codec


def test_a_learned_codec_keeps_its_gradient_behind_preprocessing() -> None:
    x, codec = photographs(1, 64, 64).requires_grad_(), learned("mean")
    made = Preprocessed(codec, [FewerLevels(5)])
    coded = made.coded(x)
    with torch.no_grad():
        changed = FewerLevels(5)(x)
        expected = codec.coded(changed)
    torch.testing.assert_close(coded.x_hat, expected.x_hat)
    torch.testing.assert_close(coded.bits, expected.bits)
    (found,) = torch.autograd.grad(coded.bits.sum(), x)
    changed.requires_grad_()
    (slope,) = torch.autograd.grad(codec.likelihood_bits(changed).sum(), changed)
    torch.testing.assert_close(found, slope, rtol=1e-3, atol=1e-5)


def test_what_wrong_settings_say() -> None:
    with pytest.raises(CallError, match="bit depth 9: expected 1 to 8"):
        FewerLevels(9)
    with pytest.raises(CallError, match="sigma 0: expected above 0"):
        Blur(0)
    with pytest.raises(ContractError, match="has no likelihood model"):
        Preprocessed(Jpeg(5), [Blur(1)]).likelihood_bits(photographs(1, 16, 16))


@pytest.mark.parametrize("name", ["factorized", "mean", "context"])
def test_a_learned_codec_several_times_over(name: str) -> None:
    """Streams, likelihood and the differentiable pass are the last round's, of an image alone."""
    codec, x = learned(name), photographs(2, 64, 80)
    made = Sequential(codec, 3)
    twice = x
    for _ in range(2):
        twice = torch.cat([codec.decompress(codec.compress(one[None]), (64, 80)) for one in twice])
    assert made.compress(x) == codec.compress(twice)
    assert made.compress(x[1:]) == made.compress(x)[1:]
    with torch.no_grad():
        coded, last = made.coded(x), codec.coded(twice)
    torch.testing.assert_close(coded.bits, last.bits, rtol=0.02, atol=30)
    torch.testing.assert_close(made.likelihood_bits(x), coded.bits)
    torch.testing.assert_close(coded.x_hat, made.surrogate(x))
    assert made.bare() is codec


def test_traditional_codecs_several_times_over_have_the_bits_of_their_last_stream() -> None:
    x = photographs(2, 64, 80)
    made = Sequential(Jpeg(25), 3)
    real = [8 * len(stream) for stream in made.compress(x)]
    assert made.coded(x).bits.tolist() == real
    assert not made.has_likelihood
