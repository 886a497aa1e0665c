"""Adversarial training: FGSM on a codec whose gradient is known, a real run, its files."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from compressai.models import CompressionModel, MeanScaleHyperprior
from rich.console import Console
from torch import Tensor, nn

from benchmark.codec_track import adversarial_training
from benchmark.codec_track.adversarial_training import Course, Hardening, rate_of
from benchmark.codecs import retrained as module
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.parameters import fill
from benchmark.codecs.retrained import learned, retrained, store
from benchmark.codecs.train.data import Lessons
from benchmark.codecs.train.loop import settle
from benchmark.codecs.train.losses import bits_per_pixel, squared_error
from benchmark.codecs.train.recipes import Recipe
from benchmark.draws import seeded
from benchmark.errors import CallError, DataError
from benchmark.tensors import Images
from tests.benchmark.test_learned import photographs, trained

QUIET = Console(quiet=True)
RADIUS = 4


class Crops(Lessons):
    """Crops of scikit-image's photographs."""

    def __init__(self) -> None:
        super().__init__([], torch.empty(0))

    def batch(self, generator: torch.Generator) -> Images:
        top, left = torch.randint(0, 192, (2,), generator=generator).tolist()
        return photographs(4, 256, 256)[..., top : top + 64, left : left + 64].contiguous()


class Known(CompressionModel):  # type: ignore[misc]
    """Spends more bits the larger `x * weights` is; its picture is exact."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.weights = weights

    def forward(self, x: Tensor) -> dict[str, Any]:
        bits = 10 + self.scale * (x * self.weights)
        return {"x_hat": x, "likelihoods": {"y": torch.exp2(-bits)}}


def small() -> LearnedCodec:
    """A copy of a model that was trained for a moment."""
    return LearnedCodec(deepcopy(trained("mean")), 64)


def test_fgsm_goes_where_the_gradient_is_known_to_point() -> None:
    """From anywhere in the ball, 1.25 of its radius ends at a quarter of it or more, inside."""
    weights = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(1))
    x = 0.2 + 0.6 * torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    made = Hardening(LearnedCodec(Known(weights), 16), Recipe(0.01, 1), Crops(), RADIUS)
    with seeded("start"):
        x_adv = made.attacked(x)
    eps = RADIUS / 255
    along = (x_adv - x) * weights.sign()
    assert along.min() >= 0.25 * eps - 1e-6
    assert along.max() <= eps + 1e-6
    assert (along >= eps - 1e-6).float().mean() == pytest.approx(0.625, abs=0.03)
    with seeded("other"):
        assert not torch.equal(made.attacked(x), x_adv)


def test_the_loss_of_attacked_pictures_falls() -> None:
    """Beside that of clean ones."""

    def losses(model: Any, x: Tensor) -> float:
        settle(model)
        model.eval()
        with torch.no_grad():
            output = model(x)
            return float(bits_per_pixel(output, x) + 0.02 * squared_error(output, x))

    codec = small()
    made = Hardening(codec, Recipe(0.02, 25, peak=1e-3), Crops(), RADIUS)
    x = photographs(4, 256, 256)[..., 64:192, 64:192].contiguous()
    with seeded("attack"):
        x_adv = made.attacked(x)
    before = losses(made.model, x), losses(made.model, x_adv)
    assert before[1] > before[0]
    for _ in range(25):
        made.advance(25)
    after = losses(made.model, x), losses(made.model, x_adv)
    assert after[1] < before[1]
    assert after[0] < before[0]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Course]:
    monkeypatch.setattr(adversarial_training, "BUILD", tmp_path / "build")
    monkeypatch.setattr(adversarial_training, "MEASURED_EVERY", 2)
    monkeypatch.setattr(adversarial_training, "MEASURING_STEPS", 2)
    monkeypatch.setattr(adversarial_training, "SAVED_EVERY", 2)

    def make(out: str) -> Course:
        hardening = Hardening(small(), Recipe(0.02, 4, peak=3e-4), Crops(), RADIUS)
        return Course(hardening, "mean", tmp_path / out, [photographs(1, 64, 64)])

    return make


def test_a_run_leaves_weights_and_a_log_and_goes_on_after_a_stop(
    course: Callable[[str], Course],
) -> None:
    whole = course("whole")
    whole.begin(resume=False, say=QUIET)
    whole.run(4, QUIET)
    rows = [json.loads(line) for line in whole.log.read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 2, 4]
    assert rows[0]["rate"][0] >= rows[0]["clean"][0]
    assert rows[0]["mse"][1] <= rows[0]["clean"][1]

    stopped = course("stopped")
    stopped.begin(resume=False, say=QUIET)
    for _ in range(2):
        stopped.hardening.advance(4)
    stopped.hardening.save(stopped.checkpoint)
    again = course("stopped")
    again.begin(resume=True, say=QUIET)
    again.run(4, QUIET)
    assert again.weights.read_bytes() == whole.weights.read_bytes()


def test_weights_come_back_as_a_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream of the one is read by the other, rounding to half precision apart."""
    source = small()
    with torch.no_grad():
        for parameter in source.model.parameters():
            parameter.copy_(parameter.half().float())
        source.model.update(force=True)
    path = tmp_path / "new" / "mean.safetensors"
    store(source, path)

    def untrained(codec: str, rate: object) -> LearnedCodec:
        return LearnedCodec(MeanScaleHyperprior(8, 12), 64)

    monkeypatch.setattr(module, "with_trade_off", untrained)
    made = retrained("mean", "any", path, None)
    x = photographs(1, 64, 96)
    streams = source.compress(x)
    assert made.compress(x) == streams
    assert torch.equal(made.decompress(streams, (64, 96)), source.decompress(streams, (64, 96)))
    with pytest.raises(DataError, match="sha256"):
        retrained("mean", "any", path, "0" * 64)
    with pytest.raises(DataError, match="does not fit"):
        fill(trained("hyperprior"), {}, path)


def test_what_learns_nothing_is_refused() -> None:
    with pytest.raises(CallError, match="jpeg learns nothing; expected a learned codec"):
        learned("jpeg", 50)


def test_rates_of_the_command_line() -> None:
    assert [rate_of(text) for text in ("high", "8", "0016", "16")] == ["high", 8, "0016", 16]
