"""Vaccinate a classifier (Das et al. 2017, arXiv 1705.02900): retrain copies of it on JPEG files.

`python -m benchmark.classifiers.vaccinate --architecture mini-resnet --qualities 20 40 60 80
--out FOLDER` makes one copy a quality of a bundled classifier, from the training pictures of
`shapes`. Any other comes from a protocol: `--protocol FILE --classifier NAME --pictures FOLDER`,
where FOLDER holds training pictures, one sub-folder a class. Writes `qQUALITY.safetensors` for each
quality, which a protocol or a submission may name as `weights`, and `vaccination.jsonl`.
"""

import argparse
import copy
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from safetensors.torch import save_file
from torch.nn import functional

from benchmark import protocol as protocols
from benchmark.classifiers import LoadedClassifier, lessons, load
from benchmark.classifiers.lessons import Lesson, inputs
from benchmark.datasets.pictures import Pictures
from benchmark.errors import CallError, SqueezebenchError, UnknownNameError
from benchmark.protocol import ClassifierSpec
from benchmark.weights import to_save


@dataclass(frozen=True)
class Course:
    """How long and how fast a copy learns. With `half`, matrices are saved in 16 bits."""

    epochs: int
    batch: int
    rate: float
    seed: int
    half: bool


def vaccinate(
    classifier: LoadedClassifier, lesson: Lesson, quality: int, course: Course, path: Path
) -> Iterator[dict[str, Any]]:
    """Retrain a copy on JPEG at `quality` and save it at `path`; yields rows for the log.

    Batch norms keep their statistics and dropout stays off, so networks whose normalization was
    folded away learn as well.
    """
    started = time.monotonic()
    model = copy.deepcopy(classifier.model).requires_grad_(True)
    pupil = replace(classifier, model=model)
    generator = torch.Generator().manual_seed(course.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=course.rate, weight_decay=0.01)
    batches = max(1, len(lesson.training) // course.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, course.epochs * batches)
    yield {"quality": quality, "epoch": 0, **_progress(pupil, lesson, quality)}
    for epoch in range(course.epochs):
        total = 0.0
        order = torch.randperm(len(lesson.training), generator=generator)
        for index in order[: batches * course.batch].chunk(batches):
            flipped = torch.rand(len(index), generator=generator) < 0.5
            x, y = inputs(pupil, lesson.training, index.tolist(), quality, flipped.tolist())
            loss = functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        row = {"quality": quality, "epoch": epoch + 1, "loss": round(total / batches, 5)}
        yield row | {"seconds": round(time.monotonic() - started)}
    weights = to_save(model.network.state_dict(), half=course.half)
    model.network.load_state_dict(weights)
    save_file(weights, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    saved = {"quality": quality, "file": path.name, "sha256": sha256}
    yield saved | _progress(pupil, lesson, quality)


def _progress(pupil: LoadedClassifier, lesson: Lesson, quality: int) -> dict[str, float]:
    return {
        "development_accuracy": accuracy(pupil, lesson.development, quality),
        "development_accuracy_uncompressed": accuracy(pupil, lesson.development, None),
    }


def accuracy(classifier: LoadedClassifier, pictures: Pictures, quality: int | None) -> float:
    """Share of the pictures that the classifier gets right, after JPEG unless `quality` is None."""
    right = 0
    for start in range(0, len(pictures), 100):
        positions = range(start, min(start + 100, len(pictures)))
        x, y = inputs(classifier, pictures, positions, quality)
        with torch.no_grad():
            right += int((classifier.model(x).argmax(1) == y).sum())
    return round(right / len(pictures), 4)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vaccinate", description=__doc__)
    parser.add_argument("--protocol", help="name or file of the protocol that has the classifier")
    parser.add_argument("--classifier", help="its name in the protocol; the first one unless given")
    parser.add_argument("--architecture", help="a bundled classifier, in place of a protocol")
    parser.add_argument("--dataset", default="shapes", help="the dataset of --architecture")
    parser.add_argument("--pictures", type=Path, help="training pictures, one sub-folder a class")
    parser.add_argument("--qualities", type=int, nargs="+", default=[20, 40, 60, 80])
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and log")
    parser.add_argument("--count", type=int, default=9000, help="pictures to use, at most")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=5e-4, help="the first step of AdamW")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half", action="store_true", help="save matrices in 16 bits")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args(given)
    for option in ("count", "epochs", "batch"):
        if getattr(arguments, option) < 1:
            raise CallError(f"--{option} {getattr(arguments, option)}: expected at least 1")
    if not all(1 <= quality <= 100 for quality in arguments.qualities):
        raise CallError(f"--qualities {arguments.qualities}: expected numbers from 1 to 100")
    if (arguments.protocol is None) == (arguments.architecture is None):
        raise CallError("expected either --protocol (with --classifier) or --architecture")
    return arguments


def _chosen(arguments: argparse.Namespace) -> tuple[LoadedClassifier, str]:
    """The classifier asked for and the name of its dataset."""
    device = torch.device(arguments.device)
    if arguments.protocol is None:
        name = arguments.architecture
        spec = ClassifierSpec(name=name, source="bundled", architecture=name)
        return load(spec, device=device), arguments.dataset
    found = protocols.load(arguments.protocol)
    if not isinstance(found, protocols.Protocol):
        raise CallError(f"protocol {found.name} is of the codec track, which has no classifier")
    known = {spec.name: spec for spec in found.classifiers}
    name = arguments.classifier or found.classifiers[0].name
    if name not in known:
        raise UnknownNameError(f"classifier of protocol {found.name}", name, known)
    official = protocols.is_official(arguments.protocol)
    beside = [] if official else [Path(arguments.protocol).parent]
    return load(known[name], beside, device), found.dataset.name


def _lesson(arguments: argparse.Namespace, classifier: LoadedClassifier, dataset: str) -> Lesson:
    if arguments.pictures is not None:
        return lessons.of_folder(arguments.pictures, arguments.count, classifier.numbers)
    if dataset == "shapes":
        return lessons.of_shapes(arguments.count)
    raise CallError(
        f"dataset {dataset} brings no training pictures; give a folder of its training split, one "
        "sub-folder a class, as --pictures"
    )


def main(given: Sequence[str] | None = None) -> int:
    """Make the copies asked for; the exit code. The log goes to standard output too."""
    say = Console(soft_wrap=True, highlight=False)
    try:
        asked = _arguments(given)
        classifier, dataset = _chosen(asked)
        lesson = _lesson(asked, classifier, dataset)
        course = Course(asked.epochs, asked.batch, asked.rate, asked.seed, asked.half)
        asked.out.mkdir(parents=True, exist_ok=True)
        log = []
        for quality in asked.qualities:
            path = asked.out / f"q{quality}.safetensors"
            for row in vaccinate(classifier, lesson, quality, course, path):
                log.append(json.dumps(row))
                say.print(log[-1])
        (asked.out / "vaccination.jsonl").write_text("\n".join(log) + "\n")
    except SqueezebenchError as problem:
        sys.stderr.write(f"squeezebench: {problem}\n")
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
