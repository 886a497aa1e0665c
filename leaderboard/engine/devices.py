"""Which accelerator each worker of this machine is given."""

import os
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
DRIVER = Path("/proc/driver/nvidia/gpus")


def devices(driver: Path = DRIVER) -> list[str]:
    """The GPUs that CUDA may use, as `CUDA_VISIBLE_DEVICES` names them: all, unless it is set."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name for name in named.split(",") if name]
    return [str(i) for i in range(len(list(driver.iterdir())))] if driver.is_dir() else []


def settings(driver: Path = DRIVER) -> Iterator[dict[str, str]]:
    """For one worker after the other what tells it its own GPU, in turns; nothing without one."""
    return cycle([{VISIBLE: name} for name in devices(driver)] or [{}])
