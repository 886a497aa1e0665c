"""Codecs by name, the trade-offs of those that have none, and the submissions made of them."""

import re
from pathlib import Path

import pytest
import torch

from benchmark.codecs import mini, zoo
from benchmark.codecs.named import FAMILIES, TRADITIONAL, named, with_trade_off
from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.trade_off import slope
from benchmark.codecs.train.recipes import RECIPES
from benchmark.defense import Codec, SelectingCodec
from benchmark.draws import seeded
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.tensors import Images
from leaderboard.engine.wire import Job
from leaderboard.submission import Variant, load
from tests.benchmark.test_learned import photographs
from tests.boxes import plugin_of

ROOT = Path(__file__).parents[2] / "submissions"
HERE = {"jpeg", "webp", "jpeg2000", "avif", *mini.MINIS}
"""Codecs that need nothing but the project and its dependencies."""
AROUND = (
    "two-way",
    "k-way",
    "naive-randomization",
    "self-ensemble",
    "preprocessed",
    "sequential",
)


class Line(Codec):
    """Spends `bits` a pixel; its error is `error` squared grey levels everywhere."""

    def __init__(self, bits: int, error: float) -> None:
        super().__init__()
        self.bits, self.error = bits, error

    def compress(self, x: Images) -> list[bytes]:
        return [bytes(self.bits * one[0].numel() // 8) for one in x]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        raise NotImplementedError

    def round_trip(self, x: Images) -> tuple[list[bytes], Images]:
        step = round(self.error**0.5) / 255
        return self.compress(x), torch.where(x < 0.5, x + step, x - step)


def test_the_slope_of_a_line() -> None:
    """2 bits more for an error of 16 - 4 squared levels less."""
    assert slope(Line(1, 16), Line(3, 4)) == pytest.approx(2 / 12, rel=1e-4)


def test_a_curve_that_goes_the_wrong_way() -> None:
    with pytest.raises(CallError, match=r"expected a higher rate and a smaller error"):
        slope(Line(3, 4), Line(1, 16))


def test_the_trade_off_of_jpeg_balances_its_neighbors() -> None:
    found = with_trade_off("jpeg", 50).trade_off
    assert found == pytest.approx(slope(Jpeg(45), Jpeg(55)))
    trade_offs = [with_trade_off("jpeg", quality).trade_off or 0 for quality in (2, 25, 50, 98)]
    assert trade_offs == sorted(trade_offs)
    assert named("jpeg", 50).trade_off is None


@pytest.mark.parametrize(("name", "rate"), [("jpeg", 1), ("jpeg", 100), ("webp", 0), ("webp", 100)])
def test_the_ends_of_a_scale_have_a_trade_off(name: str, rate: int) -> None:
    assert (with_trade_off(name, rate).trade_off or 0) > 0


def test_the_trade_offs_of_learned_codecs() -> None:
    assert zoo.TRADE_OFFS[0] == 0.0018
    assert len(zoo.TRADE_OFFS) == 8
    for name, recipes in RECIPES.items():
        for rate, recipe in recipes.items():
            if mini.weights_of(name, rate).exists():
                assert with_trade_off(name, rate).trade_off == recipe.weight


def test_what_an_unknown_codec_or_rate_says() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown codec 'jpg'; did you mean jpeg\?"):
        named("jpg", 50)
    for name, rate, expected in (
        ("jpeg", "50", "rate '50' of jpeg: expected a whole number"),
        ("jpeg", 2.5, "rate 2.5 of jpeg: expected a whole number"),
        ("jpeg", True, "rate True of jpeg: expected a whole number"),
        ("jpeg2000", "a", "rate 'a' of jpeg2000: expected a number"),
        ("elic", 16, "rate 16 of elic: expected a name: 0004, 0008"),
        ("mini-elic", 3, "rate 3 of mini-elic: expected a name: "),
    ):
        with pytest.raises(CallError, match=re.escape(expected)):
            named(name, rate)


def made(submission: str, variant: Variant) -> Codec:
    found = load(ROOT / submission)
    defense = found.manifest.defense
    job = Job(
        protocol={},
        beside=(),
        source=str(found.source),
        class_name=found.class_name,
        kind=defense.kind,
        gradient=defense.gradient,
        randomized=defense.randomized,
        parameters=variant.parameters,
        device="cpu",
        precision="fp32",
    )
    plugin = plugin_of(job)
    assert isinstance(plugin, Codec)
    return plugin


@pytest.mark.parametrize("submission", AROUND)
def test_every_variant_is_made_here_or_says_what_is_missing(submission: str) -> None:
    """And codes, where it is fast."""
    manifest = load(ROOT / submission).manifest
    covered = {variant.parameters["codec"] for variant in manifest.variants}
    assert covered <= set(FAMILIES)
    assert covered >= {"jpeg", "bls2017", *mini.MINIS}
    if submission in ("two-way", "k-way", "naive-randomization", "self-ensemble"):
        assert covered | {"hific"} == set(FAMILIES)
    x, count = photographs(1, 40, 56), 0
    for variant in manifest.variants:
        if variant.parameters["codec"] not in HERE:
            try:
                made(submission, variant)
            except (CallError, DataError):
                continue
        codec = made(submission, variant)
        count += 1
        assert codec.trade_off == codec.bare().trade_off
        if variant.parameters["codec"] in TRADITIONAL and variant.parameters["codec"] != "avif":
            with seeded(submission):
                x_hat = codec.forward(x)
            assert x_hat.shape == x.shape
            assert isinstance(codec, SelectingCodec) == (
                submission in ("two-way", "k-way", "self-ensemble")
            )
    assert count >= 5


def test_a_submission_refuses_what_makes_no_sense() -> None:
    with pytest.raises(CallError, match="neither bits nor sigma: expected one of them"):
        made("preprocessed", Variant(id="none", parameters={"codec": "jpeg", "rate": 50}))
    none = Variant(id="none", parameters={"codec": "jpeg", "rate": 50, "rounds": 0})
    with pytest.raises(CallError, match="rounds 0: expected 1 to 100"):
        made("sequential", none)


def test_the_adversarially_tuned_codec_has_its_own_weights() -> None:
    """Same layout, another codec; both decode what they coded, and know their trade-off."""
    (variant,) = load(ROOT / "adversarially-tuned").manifest.variants
    tuned = made("adversarially-tuned", variant)
    plain = with_trade_off("mini-mbt2018-mean", "medium")
    x = photographs(1, 64, 96)
    streams = tuned.compress(x)
    assert streams != plain.compress(x)
    torch.testing.assert_close(tuned.decompress(streams, (64, 96)), tuned.forward(x))
    assert tuned.trade_off == plain.trade_off
    unknown = Variant(id="none", parameters={"codec": "mini-mbt2018-mean", "rate": "high"})
    with pytest.raises(CallError, match="mini-mbt2018-mean high was not fine-tuned here"):
        made("adversarially-tuned", unknown)
