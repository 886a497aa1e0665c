"""What `squeezebench demo` evaluates."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Demo:
    """A protocol, and the variants of each bundled submission to evaluate under it."""

    protocol: str
    entries: Mapping[str, tuple[str, ...]]


DEMO = (
    Demo(
        protocol="mini-classifier-v1",
        entries={
            "identity": ("none",),
            "jpeg": ("q10", "q25", "q75"),
            "webp": ("q20",),
            "avif": ("q35",),
            "sequential-jpeg": ("q25x5",),
            "mini-mbt2018-mean": ("high",),
            "mini-elic": ("high",),
            "mini-hific": ("medium",),
            "random-resize": ("0.9",),
            "vaccinated-ensemble": ("jpeg",),
        },
    ),
    Demo(
        protocol="mini-codec-v1",
        entries={
            # The slowest first, so that no core waits for it at the end.
            "k-way": ("mini-mbt2018-mean-high-k4",),
            "two-way": ("mini-mbt2018-mean-high",),
            "naive-randomization": ("mini-mbt2018-mean-high",),
            "mini-hific": ("medium",),
            "mini-elic": ("high",),
            "jpeg": ("q50",),
            "mini-mbt2018-mean": ("high",),
        },
    ),
)
