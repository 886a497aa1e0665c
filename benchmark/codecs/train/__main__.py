"""Train a bundled codec: `python -m benchmark.codecs.train mini-elic --rate high`.

Without --rate, every rate in turn. Progress is printed and kept in `build/codecs`, from where
--resume goes on; at the end weights and log are written beside the bundled ones, and what to put
into `benchmark.codecs.mini` is printed. --put does that with what there is, without a step.
"""

import argparse
import hashlib
import json
import shutil
import time
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from benchmark.codecs.mini import MINIS, WEIGHTS, save, weights_of
from benchmark.codecs.train.data import Lessons, held_out, lessons
from benchmark.codecs.train.loop import Training, settle
from benchmark.codecs.train.measure import estimated
from benchmark.codecs.train.recipes import RECIPES, recipe_of
from benchmark.draws import seeded

BUILD = Path("build") / "codecs"
MEASURED_EVERY = 250
SAVED_EVERY_S = 120


class Course:
    """Training of one rate of one codec, with its files."""

    def __init__(self, name: str, rate: str, everything: Lessons, measured: list[Tensor]) -> None:
        self.name, self.rate = name, rate
        self.measured = measured
        recipe = recipe_of(name, rate)
        with seeded(name, rate):
            model = MINIS[name].model(rate)
        self.training = Training(model, recipe, everything)
        self.checkpoint = BUILD / f"{name}-{rate}.pt"
        self.log = BUILD / f"{name}-{rate}.log.jsonl"

    def begin(self, resume: bool) -> None:
        """From the last checkpoint, or from the weights that the recipe starts with."""
        if resume and self.checkpoint.is_file():
            self.training.resume(self.checkpoint)
            self._forget()
            return
        start = self.training.recipe.start
        if start:
            self.training.start_from(BUILD / f"{self.name}-{start}.pt")
        else:
            self.training.start()
        BUILD.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")

    def _forget(self) -> None:
        """Drop the lines of steps after the checkpoint, which will be taken again."""
        rows = self.log.read_text().splitlines()
        kept = [row for row in rows if json.loads(row)["step"] <= self.training.step]
        self.log.write_text("".join(f"{row}\n" for row in kept))

    def run(self, steps: int, say: Console) -> None:
        """Train up to `steps`."""
        saved = started = time.monotonic()
        sums: dict[str, float] = {}
        while self.training.step < steps:
            for key, value in self.training.advance(steps).items():
                sums[key] = sums.get(key, 0) + value / MEASURED_EVERY
            if self.training.step % MEASURED_EVERY == 0:
                self.note(sums, time.monotonic() - started, say)
                sums = {}
            if time.monotonic() - saved > SAVED_EVERY_S:
                self.training.save(self.checkpoint)
                saved = time.monotonic()
        self.training.save(self.checkpoint)

    def note(self, means: dict[str, float], seconds: float, say: Console) -> None:
        """A line of the log: means over the last steps, and points on held-out pictures."""
        row: dict[str, object] = {"step": self.training.step, "seconds": round(seconds)}
        row |= {key: round(value, 4) for key, value in means.items()}
        codec = self.training.codec(MINIS[self.name], self.rate)
        points = estimated(codec, self.measured)
        for kind, point in zip(("photographs", "shapes"), points, strict=True):
            row[kind] = [round(value, 4) for value in point]
        line = json.dumps(row)
        say.print(f"{self.name}-{self.rate} {line}", soft_wrap=True)
        with self.log.open("a") as log:
            log.write(line + "\n")

    def put(self, say: Console) -> None:
        """Write weights and log beside the bundled ones."""
        path = weights_of(self.name, self.rate)
        WEIGHTS.mkdir(exist_ok=True)
        settle(self.training.model)
        save(self.training.model, path)
        shutil.copy(self.log, WEIGHTS / self.log.name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        say.print(
            f'{path.name}, {self.training.step} steps: "{self.rate}": "{digest}"', soft_wrap=True
        )


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.codecs.train")
    parser.add_argument("model", choices=list(RECIPES))
    parser.add_argument("--rate", help="one rate; all in turn without it")
    parser.add_argument("--steps", type=int, help="in the place of the recipe's")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--put", action="store_true", help="bundle the last checkpoint")
    given = parser.parse_args()
    say = Console()
    rates = [given.rate] if given.rate else list(RECIPES[given.model])
    recipes = {rate: recipe_of(given.model, rate) for rate in rates}
    everything, measured = (
        (Lessons([], torch.empty(0)), []) if given.put else (lessons(), held_out())
    )
    for rate, recipe in recipes.items():
        course = Course(given.model, rate, everything, measured)
        course.begin(given.resume or given.put)
        if not given.put:
            course.run(given.steps or recipe.steps, say)
        course.put(say)


if __name__ == "__main__":
    main()
