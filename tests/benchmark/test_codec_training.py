"""Training of the bundled learned codecs: its data, its losses, its steps, its checkpoints."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.codecs import mini
from benchmark.codecs.elic import ElicModel, Widths
from benchmark.codecs.hific import HificModel, Shape
from benchmark.codecs.mini import MINIS, MiniMeanScale
from benchmark.codecs.pillow import Png
from benchmark.codecs.train import __main__ as command
from benchmark.codecs.train import data
from benchmark.codecs.train.beginnings import begin
from benchmark.codecs.train.curves import at_rate
from benchmark.codecs.train.data import Lessons
from benchmark.codecs.train.loop import Training, learning_rate
from benchmark.codecs.train.losses import (
    Discriminator,
    bits_per_pixel,
    deception,
    squared_error,
    suspicion,
    unlikeness,
)
from benchmark.codecs.train.measure import Point, coded, estimated
from benchmark.codecs.train.recipes import RECIPES, Recipe, recipe_of
from benchmark.datasets import kodak, photos, shapes
from benchmark.draws import seeded
from benchmark.errors import DataError, UnknownNameError

PLAIN = Recipe(weight=0.01, steps=40, peak=3e-3)
ADVERSARIAL = Recipe(weight=0.01, steps=6, peak=1e-3, deception=0.1, unlikeness=1.0)


def lessons() -> Lessons:
    drawn = [shapes.draw((1, i), i) for i in range(6)]
    tiled = [np.tile(picture, (2, 2, 1)) for picture in drawn]
    return Lessons(tiled, torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2))


def training(recipe: Recipe) -> Training:
    with seeded("model"):
        small = Shape((4, 4, 6, 6, 8), latents=4, hyperlatents=4, blocks=1)
        model = HificModel(small) if recipe.deception else MiniMeanScale(8, 12)
    return Training(model, recipe, lessons())


def state_of(made: Training) -> list[torch.Tensor]:
    parts = [made.model, *([made.adversary] if made.adversary else [])]
    return [tensor.clone() for part in parts for tensor in part.state_dict().values()]


def test_steps_lower_the_rate_distortion_loss() -> None:
    made = training(PLAIN)
    x = made.lessons.batch(torch.Generator().manual_seed(5))

    def loss() -> float:
        with torch.no_grad(), seeded("noise"):
            output = made.model.train()(x)
        return float(bits_per_pixel(output, x) + PLAIN.weight * squared_error(output, x))

    before = loss()
    seen = [made.advance(PLAIN.steps) for _ in range(PLAIN.steps)]
    assert loss() < before / 2
    assert all(
        math.isclose(one["loss"], one["bits_per_pixel"] + 0.01 * one["error"], rel_tol=1e-5)
        for one in seen
    )


@pytest.mark.parametrize("recipe", [PLAIN, ADVERSARIAL], ids=["plain", "adversarial"])
def test_a_resumed_training_is_the_same(recipe: Recipe, tmp_path: Path) -> None:
    whole, first = training(recipe), training(recipe)
    for _ in range(6):
        whole.advance(6)
    for _ in range(4):
        first.advance(6)
    first.save(tmp_path / "one.pt")
    resumed = training(recipe)
    resumed.resume(tmp_path / "one.pt")
    torch.rand(7)  # what was drawn in between does not matter
    for _ in range(2):
        resumed.advance(6)
    assert resumed.step == whole.step == 6
    for given, expected in zip(state_of(resumed), state_of(whole), strict=True):
        assert torch.equal(given, expected)


def test_it_begins_as_a_block_transform_and_its_inverse() -> None:
    """Near the optimum among linear ones, with a spread that the entropy model expects."""
    made = training(Recipe(weight=0.04, steps=1))
    made.start()
    x = made.lessons.batch(torch.Generator().manual_seed(1))
    with torch.no_grad():
        y = made.model.g_a(x)
        error = squared_error({"x_hat": made.model.g_s(y)}, x)
        blocks = torch.nn.functional.unfold(x, 16, stride=16).transpose(0, 1).flatten(1)
        spread = made.model.h_s(torch.zeros(1, 8, 2, 2))[0, :12].mean((1, 2))
    values, _ = torch.linalg.eigh(torch.cov(blocks))
    best = values[:-12].sum() / len(values) * 255**2
    assert error < 1.5 * best + 20
    assert ((spread / y.std((0, 2, 3)) - 1).abs() < 0.6).all()


def test_an_elic_begins_close_to_linear_too() -> None:
    with seeded("elic"):
        model = ElicModel(Widths(8, (4, 6), (4, 4), 8))
    x = lessons().batch(torch.Generator().manual_seed(1))
    begin(model, x, 0.04)
    with torch.no_grad():
        error = squared_error({"x_hat": model.g_s(model.g_a(x))}, x)
    assert error < 0.5 * float(x.var()) * 255**2


@pytest.mark.parametrize("normalized", [True, False])
def test_a_hific_begins_close_to_linear_in_spite_of_its_normalization(normalized: bool) -> None:
    """Near the optimum among linear ones, with constants that cost no bits."""
    shape = Shape((8, 14, 16, 16, 20), 14, 8, blocks=1, normalized=normalized)
    with seeded("hific"):
        model = HificModel(shape).eval()
    x = torch.cat([lessons().batch(torch.Generator().manual_seed(i)) for i in (1, 2, 3, 5)])
    begin(model, x, 1.0)
    with torch.no_grad():
        output = model(x)
        error = squared_error(output, x)
        constants = -output["likelihoods"]["y"][:, -2:].log2()
    blocks = torch.nn.functional.unfold(x, 16, stride=16).transpose(0, 1).flatten(1)
    values, _ = torch.linalg.eigh(torch.cov(blocks))
    best = values[:-12].sum() / len(values) * 255**2
    assert error < 1.5 * best + 20
    assert constants.mean() < 0.01


def test_measuring_does_not_change_what_is_trained() -> None:
    one, other = training(PLAIN), training(PLAIN)
    for step in range(4):
        one.advance(4)
        other.advance(4)
        if step == 1:
            small = MINIS["mini-mbt2018-mean"]._replace(model=lambda _: MiniMeanScale(8, 12))
            codec = one.codec(small, "high")
            estimated(codec, [torch.rand(1, 3, 64, 64)])
    weights = [dict(made.model.named_parameters()) for made in (one, other)]
    for name in weights[0]:
        if not name.endswith("quantiles"):
            assert torch.equal(weights[0][name], weights[1][name]), name


def test_a_rate_starts_from_another(tmp_path: Path) -> None:
    one, other = training(PLAIN), training(PLAIN)
    one.advance(40)
    one.save(tmp_path / "one.pt")
    other.start_from(tmp_path / "one.pt")
    assert other.step == 0
    assert all(torch.equal(a, b) for a, b in zip(state_of(one), state_of(other), strict=True))


@pytest.mark.parametrize("what", ["start_from", "resume"])
def test_a_missing_checkpoint_is_an_error(what: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing"):
        getattr(training(PLAIN), what)(tmp_path / "one.pt")


def test_the_learning_rate_rises_stays_and_falls() -> None:
    assert learning_rate(0, 1000, 1e-3) == pytest.approx(2e-5)
    assert learning_rate(49, 1000, 1e-3) == pytest.approx(1e-3)
    assert learning_rate(700, 1000, 1e-3) == pytest.approx(1e-3)
    assert learning_rate(850, 1000, 1e-3) == pytest.approx(1e-3 * (0.02 + 0.98 / 2))
    assert learning_rate(1000, 1000, 1e-3) == pytest.approx(2e-5)


def test_the_adversarys_losses_in_closed_form() -> None:
    undecided = torch.zeros(2, 1, 8, 8)
    assert deception(undecided) == pytest.approx(math.log(2))
    assert suspicion(undecided, undecided) == pytest.approx(2 * math.log(2))
    assert suspicion(undecided + 20, undecided - 20) < 1e-6
    assert deception(undecided - 20) == pytest.approx(20, abs=1e-6)
    features = [torch.rand(2, 3, 4, 4), torch.rand(2, 5, 2, 2)]
    assert unlikeness(features, features) == 0
    assert unlikeness(features, [one + 0.5 for one in features]) == pytest.approx(1.0)


def test_the_discriminator_sees_image_and_latents() -> None:
    with seeded("discriminator"):
        discriminator = Discriminator(5).eval()
    x, y_hat = torch.rand(2, 3, 32, 48), torch.rand(2, 5, 4, 4)
    logits, features = discriminator(x, y_hat)
    assert logits.shape == (2, 1, 4, 6)
    assert [tuple(one.shape[2:]) for one in features] == [(16, 24), (8, 12), (4, 6)]
    assert not torch.equal(logits, discriminator(x, -y_hat)[0])
    assert not torch.equal(logits, discriminator(1 - x, y_hat)[0])


def test_a_batch_depends_on_its_step_alone_and_is_contiguous() -> None:
    made = lessons()
    for seed in range(12):
        one, other = (made.batch(torch.Generator().manual_seed(seed)) for _ in range(2))
        assert torch.equal(one, other)
        assert one.is_contiguous()
        assert one.shape[0] * one.shape[2] * one.shape[3] == data.PIXELS
        assert one.min() >= 0
        assert one.max() <= 1


def test_no_picture_of_the_test_set_is_trained_on(real_folder: Path) -> None:
    names = [name for name in kodak.NAMES if name not in data.HELD_OUT]
    assert len(names) == 22
    assert not {cut.file for cut in photos.CUTS.values()} & {
        f"data/{name}.png" for name in data.TEXTURES
    }
    judged = {shapes.load().read(i).tobytes() for i in range(40)}
    for split in ("training", "development"):
        drawn = data.drawn(split, 40).permute(0, 2, 3, 1).contiguous()
        assert not judged & {one.numpy().tobytes() for one in drawn}


def test_points_of_a_lossless_codec_and_between_points() -> None:
    x = torch.full((2, 3, 16, 16), 0.5)
    point = coded(Png(), x)
    assert point.psnr == math.inf or point.psnr > 48
    bits = [8 * len(stream) for stream in Png().compress(x)]
    assert point.bits_per_pixel == sum(bits) / (2 * 256)
    curve = [Point(0.25, 30.0), Point(1.0, 34.0)]
    assert at_rate(curve, 0.5) == pytest.approx(32.0)
    assert at_rate(curve, 2.0) == 34.0


def test_unknown_recipes_are_errors() -> None:
    with pytest.raises(UnknownNameError):
        recipe_of("mini-elik", "high")
    with pytest.raises(UnknownNameError):
        recipe_of("mini-elic", "hi")


def test_every_start_is_trained_before() -> None:
    for rates in RECIPES.values():
        known: list[str] = []
        for rate, recipe in rates.items():
            assert recipe.start is None or recipe.start in known
            known.append(rate)


@pytest.mark.real
def test_the_command_trains_and_bundles(
    real_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(real_folder))
    monkeypatch.chdir(tmp_path)
    for module, name, value in (
        (data, "DRAWN", 8),
        (data, "DRAWN_HELD_OUT", 2),
        (mini, "WEIGHTS", tmp_path / "weights"),
        (command, "WEIGHTS", tmp_path / "weights"),
        (command, "MEASURED_EVERY", 2),
    ):
        monkeypatch.setattr(module, name, value)
    asked = ["train", "mini-mbt2018-mean", "--rate", "high", "--steps"]
    monkeypatch.setattr("sys.argv", [*asked, "2"])
    command.main()
    monkeypatch.setattr("sys.argv", [*asked, "4", "--resume"])
    command.main()
    rows = (tmp_path / "weights" / "mini-mbt2018-mean-high.log.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [2, 4]
    assert (tmp_path / "weights" / "mini-mbt2018-mean-high.safetensors").is_file()
