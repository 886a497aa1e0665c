"""What a job needs of this machine: a device, classifiers and pictures, each loaded once."""

import hashlib
from functools import lru_cache
from pathlib import Path

import torch

from benchmark import classifiers, datasets
from benchmark.datasets import Sample
from benchmark.environment import code_hash, packages
from benchmark.errors import SqueezebenchError
from benchmark.protocol import AnyProtocol, ClassifierSpec, DatasetSpec
from benchmark.records import ClassifierRecord
from leaderboard.engine.wire import Job, Opened


def device_of(name: str) -> torch.device:
    """The device called `name`; `auto` is CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise SqueezebenchError(
            "--device cuda: torch finds no CUDA device here; use --device cpu, or see "
            "`squeezebench doctor`"
        )
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """What a run says of its device."""
    return "cpu" if device.type == "cpu" else f"cuda {torch.cuda.get_device_name(device)}"


@lru_cache(maxsize=8)
def classifier_of(spec: str, beside: tuple[str, ...], device: str) -> classifiers.LoadedClassifier:
    """The classifier of a specification in JSON; relative paths start in `beside`."""
    parsed = ClassifierSpec.model_validate_json(spec)
    return classifiers.load(parsed, [Path(p) for p in beside], torch.device(device))


@lru_cache(maxsize=4)
def sample_of(spec: str, beside: tuple[str, ...]) -> Sample:
    """The pictures of a specification in JSON, with their fingerprint."""
    parsed = DatasetSpec.model_validate_json(spec)
    return datasets.fingerprinted(datasets.find(parsed, [Path(p) for p in beside]))


def opened_of(
    job: Job,
    protocol: AnyProtocol,
    sample: Sample,
    records: tuple[ClassifierRecord, ...],
    device: torch.device,
    crafting: str,
) -> Opened:
    """What there is for a job on this machine."""
    source = Path(job.source)
    return Opened(
        dataset=protocol.dataset.name,
        fingerprint=sample.fingerprint,
        images=len(sample.pictures),
        classifiers=records,
        device=device_name(device),
        crafting=crafting,
        code=code_hash(),
        packages=packages(),
        # Where there is none, `admit` says so.
        submission=hashlib.sha256(source.read_bytes() if source.is_file() else b"").hexdigest(),
    )
