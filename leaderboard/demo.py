"""What `squeezebench demo` evaluates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SUBMISSIONS = Path(__file__).parent.parent / "submissions"


@dataclass(frozen=True)
class Demo:
    """A protocol, and the variants of each submission folder to evaluate under it."""

    protocol: str
    entries: Mapping[Path, tuple[str, ...]]


DEMO = Demo(
    protocol="mini-classifier-v1",
    entries={
        SUBMISSIONS / "identity": ("none",),
        SUBMISSIONS / "jpeg": ("q25", "q75"),
        SUBMISSIONS / "sequential-jpeg": ("q25x10",),
        SUBMISSIONS / "random-resize": ("0.9",),
    },
)
