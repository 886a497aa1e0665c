"""Which accelerator each worker of this machine is given."""

import os
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

from benchmark.device_share import shared

VISIBLE = "CUDA_VISIBLE_DEVICES"
DRIVER = Path("/proc/driver/nvidia/gpus")
PER_GPU = 2
"""Workers that share a GPU: while one codes on the processor, the other computes on the GPU.

Judging, and every look through JPEG or an entropy coder, would else leave the GPU idle.
"""


def devices(driver: Path = DRIVER) -> list[str]:
    """The GPUs that CUDA may use, as `CUDA_VISIBLE_DEVICES` names them: all, unless it is set."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name for name in named.split(",") if name]
    return [str(i) for i in range(len(list(driver.iterdir())))] if driver.is_dir() else []


def settings(workers: int, driver: Path = DRIVER) -> list[dict[str, str]]:
    """What tells each worker its GPU, in turns, and its part of its memory; nothing without one."""
    given = list(islice(cycle(devices(driver) or [""]), workers))
    on = Counter(given)
    return [{VISIBLE: name} | shared(on[name]) if name else {} for name in given]


def workers_on(device: str, gpus: int = 1) -> int:
    """How many suit one machine's `gpus`, or its one task on a processor, by the device's name."""
    return gpus * PER_GPU if device.startswith("cuda") else 1


def at_once(device: str, workers: int, gpus: int) -> int:
    """Of so many workers, those that wait for no other; what two save on one GPU does not count.

    Without a GPU at hand (0) every one of those elsewhere is taken to have as many as suit it.
    """
    if not device.startswith("cuda"):
        return workers
    return min(workers, gpus or -(-workers // PER_GPU))
