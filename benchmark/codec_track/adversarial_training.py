"""Fine-tune a learned codec on attacked pictures, so that it resists the next ones.

    python -m benchmark.codec_track.adversarial_training mini-mbt2018-mean high --out FOLDER

Half of each batch is clean, half attacked by FGSM with a random start (Wong, Rice, Kolter 2020,
arXiv 2001.03994), as Song, Choi, Han (2024, arXiv 2401.11902) did to compare with two-way.
Both the codec and FGSM follow the rate-distortion loss of what is coded: lower and higher. Weights
and log are written to FOLDER; a run that was stopped goes on with --resume from `build/codecs`.
HiFiC is fine-tuned for rate and squared error alone, without what made it look real.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.types import Views
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.parameters import fill
from benchmark.codecs.retrained import learned, store, trainable
from benchmark.codecs.train.data import Lessons, held_out, lessons
from benchmark.codecs.train.loop import Training, settle
from benchmark.codecs.train.losses import bits_per_pixel, squared_error
from benchmark.codecs.train.measure import coded
from benchmark.codecs.train.recipes import Recipe
from benchmark.errors import CallError
from benchmark.geometry import project
from benchmark.tensors import Images
from benchmark.threat import Budget, Norm, ThreatModel

BUILD = Path("build") / "codecs"
STEP = 1.25
"""FGSM's step as a multiple of the radius, as published."""
MEASURED_EVERY, SAVED_EVERY = 100, 100
MEASURING_STEPS = 20


class Hardening(Training):
    """Training whose every batch is there twice: as it is, and attacked."""

    def __init__(self, codec: LearnedCodec, recipe: Recipe, data: Lessons, radius: int) -> None:
        """`radius` is that of the Linf ball in grey levels."""
        self.trained, self.threat = codec, ThreatModel(Norm.LINF, radius)
        super().__init__(trainable(codec).requires_grad_(True), recipe, data)

    def _plain(self, x: Images) -> dict[str, float]:
        return super()._plain(torch.cat([x, self.attacked(x)]))

    def _parts(self) -> list[tuple[str, Any]]:
        return [("model", _Parameters(self.model)), ("optimizer", self.optimizer)]

    def attacked(self, x: Images) -> Images:
        """FGSM from a random place of the ball, against the loss that is trained for."""
        eps = self.threat.eps
        start = (x + eps * (2 * torch.rand_like(x) - 1)).clamp(0, 1).requires_grad_()
        output = self.model(start)
        loss = bits_per_pixel(output, start) + self.recipe.weight * squared_error(output, start)
        (gradient,) = torch.autograd.grad(loss, start)
        return project(start.detach() + STEP * eps * gradient.sign(), x, self.threat)

    def measured(self, parts: list[Tensor]) -> dict[str, list[float]]:
        """Points from real bytes, clean and attacked by PGD, of the codec as it is now."""
        codec = self.trained
        settle(self.model)
        codec.eval().requires_grad_(False)
        with torch.no_grad():
            codec.model.update(force=True)
        photographs = parts[0]
        points = {"clean": list(coded(codec, photographs))}
        for name in ("rate", "mse"):
            loss = objectives.find(name)(codec, photographs, Views())
            budget = Budget(self.threat, steps=MEASURING_STEPS)
            points[name] = list(coded(codec, attacks.find("pgd")(loss, photographs, budget)))
        self.model.requires_grad_(True)
        return points


class _Parameters:
    """The parameters of a model as a state, without its tables, whose sizes change."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self._model.named_parameters())

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        fill(self._model, state, "the checkpoint")


class Course:
    """A fine-tuning with its files."""

    def __init__(self, hardening: Hardening, name: str, out: Path, parts: list[Tensor]) -> None:
        """`parts` are held-out pictures, of which the first are photographs of one size."""
        self.hardening = hardening
        self.checkpoint = BUILD / f"adversarial-{name}.pt"
        self.weights, self.log = out / f"{name}.safetensors", out / f"{name}.log.jsonl"
        self.parts = parts

    def begin(self, resume: bool, say: Console) -> None:
        """From the last checkpoint, or from the codec's own weights."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if resume:
            self.hardening.resume(self.checkpoint)
            return
        self.log.write_text("")
        self.note({}, say)

    def run(self, steps: int, say: Console) -> None:
        """Train up to `steps`, and write the weights."""
        started, sums, count = time.monotonic(), dict[str, float](), 0
        while self.hardening.step < steps:
            for key, value in self.hardening.advance(steps).items():
                sums[key] = sums.get(key, 0) + value
            count += 1
            if self.hardening.step % SAVED_EVERY == 0:
                self.hardening.save(self.checkpoint)
            if self.hardening.step % MEASURED_EVERY == 0 or self.hardening.step == steps:
                means = {key: value / count for key, value in sums.items()}
                self.note({"seconds": time.monotonic() - started, **means}, say)
                sums, count = {}, 0
        settle(self.hardening.model)
        store(self.hardening.trained, self.weights)
        digest = hashlib.sha256(self.weights.read_bytes()).hexdigest()
        say.print(f"{self.weights}: {steps} steps, sha256 {digest}", soft_wrap=True)

    def note(self, means: dict[str, float], say: Console) -> None:
        """A line of the log: means of the last steps, bits a pixel and dB of held-out pictures."""
        points = self.hardening.measured(self.parts)
        row: dict[str, object] = {"step": self.hardening.step}
        row |= {key: round(value, 4) for key, value in means.items()}
        row |= {key: [round(value, 4) for value in point] for key, point in points.items()}
        line = json.dumps(row)
        say.print(line, soft_wrap=True)
        with self.log.open("a") as log:
            log.write(line + "\n")


def rate_of(text: str) -> str | int:
    """A rate as the command line has it: a whole number is the number."""
    return int(text) if text.isdecimal() and not text.startswith("0") else text


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.codec_track.adversarial_training")
    parser.add_argument("codec", help="a learned codec by name")
    parser.add_argument("rate", help="its rate, as in the submissions' manifests")
    parser.add_argument("--out", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--radius", type=int, default=4, help="of the ball, in grey levels")
    parser.add_argument("--peak", type=float, default=1e-4, help="highest learning rate")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    given = parser.parse_args()
    say = Console()
    try:
        codec = learned(given.codec, rate_of(given.rate))
        if codec.trade_off is None:
            raise CallError(f"{given.codec} {given.rate} has no trade-off, so no loss to train for")
        recipe = Recipe(codec.trade_off, given.steps, peak=given.peak)
        hardening = Hardening(codec, recipe, lessons(), given.radius)
        course = Course(hardening, f"{given.codec}-{given.rate}", given.out, held_out())
        course.begin(given.resume, say)
    except CallError as problem:
        parser.error(str(problem))
    course.run(given.steps, say)


if __name__ == "__main__":
    main()
