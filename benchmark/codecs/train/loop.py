"""The steps of training, and checkpoints from which they go on as if nothing had happened."""

from pathlib import Path
from typing import Any

import torch
from compressai.entropy_models import EntropyBottleneck  # type: ignore[import-untyped]
from compressai.models import CompressionModel  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional

from benchmark.codecs.hific import HificModel
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.mini import Mini
from benchmark.codecs.train.beginnings import begin
from benchmark.codecs.train.data import Lessons
from benchmark.codecs.train.losses import (
    Discriminator,
    bits_per_pixel,
    deception,
    squared_error,
    suspicion,
    unlikeness,
)
from benchmark.codecs.train.recipes import Recipe
from benchmark.draws import seed_of, seeded
from benchmark.errors import DataError
from benchmark.tensors import Images

WARMUP, DECAY = 50, 0.3
"""Steps in which the learning rate rises, and the share of all in which it falls."""
LOWEST = 0.02
LARGEST_GRADIENT = 1.0
BETAS = (0.9, 0.99)
TRANSFORMS, FASTER = ("g_a", "g_s"), 4
ADVERSARY_BETAS = (0.5, 0.9)
STARTING = 40
"""Batches that the first weights are made from."""
ALONE = 0.5
"""Share of an adversarial codec's steps before the discriminator joins."""


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Rising, constant, then falling to `LOWEST` of `peak`; `steps` may change along the way."""
    left = (steps - step) / max(1, round(steps * DECAY))
    return peak * min(1.0, (step + 1) / WARMUP, LOWEST + (1 - LOWEST) * left)


class Training:
    """A model on its way. Each step draws from its own seed, so it is the same after a resume."""

    def __init__(self, model: CompressionModel, recipe: Recipe, lessons: Lessons) -> None:
        self.model, self.recipe, self.lessons = model, recipe, lessons
        self.step = 0
        self.optimizer = torch.optim.Adam(_groups(model), lr=recipe.peak, betas=BETAS)
        self.adversary: Discriminator | None = None
        if recipe.deception:
            with seeded("adversary"):
                self.adversary = Discriminator(model.made_as.latents)
            self.opponent = torch.optim.Adam(
                self.adversary.parameters(), lr=recipe.peak, betas=ADVERSARY_BETAS
            )

    def advance(self, steps: int) -> dict[str, float]:
        """One step of `steps`; what it measured."""
        rate = learning_rate(self.step, steps, self.recipe.peak)
        _set(self.optimizer, rate)
        generator = torch.Generator().manual_seed(seed_of("batch", self.step))
        x = self.lessons.batch(generator)
        self.model.train()
        with seeded("noise", self.step):
            if self.adversary is not None and self.step >= ALONE * steps:
                seen = self._adversarial(x, self.adversary, rate)
            else:
                seen = self._plain(x)
        self.step += 1
        return seen

    def _plain(self, x: Images) -> dict[str, float]:
        output = self.model(x)
        rate, error = bits_per_pixel(output, x), squared_error(output, x)
        loss = rate + self.recipe.weight * error
        _descend(loss, self.model, self.optimizer)
        return {"loss": loss.item(), "bits_per_pixel": rate.item(), "error": error.item()}

    def _adversarial(
        self, x: Images, adversary: Discriminator, learning: float
    ) -> dict[str, float]:
        recipe = self.recipe
        output, y_hat = with_latents(self.model, x)
        rate, error = bits_per_pixel(output, x), squared_error(output, x)
        adversary.requires_grad_(False)
        logits, seen = adversary(output["x_hat"], y_hat)
        _, wanted = adversary(x, y_hat)
        loss = rate + recipe.weight * error
        loss = loss + recipe.deception * deception(logits)
        loss = loss + recipe.unlikeness * unlikeness(wanted, seen)
        _descend(loss, self.model, self.optimizer)
        adversary.requires_grad_(True)
        real, _ = adversary(x, y_hat)
        fake, _ = adversary(output["x_hat"].detach(), y_hat)
        doubt = suspicion(real, fake)
        _set(self.opponent, learning)
        _descend(doubt, adversary, self.opponent)
        return {
            "loss": loss.item(),
            "bits_per_pixel": rate.item(),
            "error": error.item(),
            "suspicion": doubt.item(),
        }

    def save(self, path: Path) -> None:
        """Write all that `resume` needs; a file is there whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save({"step": self.step, **{k: v.state_dict() for k, v in self._parts()}}, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a file of `save`."""
        if not path.is_file():
            raise DataError(f"{path} is missing, so there is nothing to resume; leave --resume out")
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.step = state["step"]
        for name, part in self._parts():
            part.load_state_dict(state[name])

    def start(self) -> None:
        """Begin with weights made from the pictures (see `begin`)."""
        batches = [
            self.lessons.batch(torch.Generator().manual_seed(seed_of("start", number)))
            for number in range(STARTING)
        ]
        large = [x for x in batches if x.shape[-1] == batches[0].shape[-1]]
        begin(self.model, torch.cat(large), self.recipe.weight)

    def start_from(self, path: Path) -> None:
        """Take the model from a file of `save`, and begin at step 0."""
        if not path.is_file():
            raise DataError(f"{path} is missing, which training starts from; train that rate first")
        self.model.load_state_dict(torch.load(path, weights_only=True)["model"])

    def codec(self, mini: Mini, rate: str) -> LearnedCodec:
        """The codec as it is now, apart from the model in training."""
        settle(self.model)
        model = mini.model(rate)
        model.load_state_dict(self.model.state_dict(), strict=False)
        return mini.codec(model)

    def _parts(self) -> list[tuple[str, Any]]:
        parts: list[tuple[str, Any]] = [("model", self.model), ("optimizer", self.optimizer)]
        if self.adversary is not None:
            parts += [("adversary", self.adversary), ("opponent", self.opponent)]
        return parts


def _weights(model: nn.Module) -> list[nn.Parameter]:
    """All parameters but the quantiles of densities, which are computed from the others."""
    return [value for name, value in model.named_parameters() if not name.endswith("quantiles")]


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    """The weights; those of the entropy model, which begin from nothing, learn faster."""
    transforms = {id(value) for name in TRANSFORMS for value in _inside(model, name)}
    known = [value for value in _weights(model) if id(value) in transforms]
    others = [value for value in _weights(model) if id(value) not in transforms]
    return [{"params": known, "share": 1}, {"params": others, "share": FASTER if known else 1}]


def _inside(model: nn.Module, name: str) -> list[nn.Parameter]:
    part = getattr(model, name, None)
    return [] if part is None else list(part.parameters())


def _set(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("share", 1)


def _descend(loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(_weights(model), LARGEST_GRADIENT)
    optimizer.step()


def with_latents(model: HificModel, x: Images) -> tuple[Any, Tensor]:
    """The model's output, and the latents that its generator saw, standardized, without gradient.

    Some channels of latents may be large constants, which would hide the others.
    """
    seen: list[Tensor] = []
    hook = model.Generator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        output = model(x)
    finally:
        hook.remove()
    return output, functional.batch_norm(seen[0].detach(), None, None, training=True)


def settle(model: nn.Module) -> None:
    """Set the quantiles of every density to those of what it has learned so far."""
    for part in model.modules():
        if isinstance(part, EntropyBottleneck):
            part._update_quantiles()
