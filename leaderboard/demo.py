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
            "jpeg": ("q25", "q75"),
            "webp": ("q20",),
            "sequential": ("jpeg-q25x5",),
            "sequential-jpeg": ("q25x10",),
            "mini-mbt2018-mean": ("high",),
            "random-resize": ("0.9",),
            "vaccinated-ensemble": ("jpeg",),
        },
    ),
    Demo(
        protocol="mini-codec-v1",
        entries={
            "jpeg": ("q50",),
            "mini-mbt2018-mean": ("high",),
            "mini-elic": ("high",),
            "mini-hific": ("medium",),
            "naive-randomization": ("mini-mbt2018-mean-high",),
            "two-way": ("mini-mbt2018-mean-high",),
            "k-way": ("mini-mbt2018-mean-high-k4",),
        },
    ),
)
