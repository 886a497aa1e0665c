"""How much memory a worker held at most: its own, its boxes' and its accelerator's."""

import os
from pathlib import Path

import torch

from leaderboard.sandbox.watch import usage

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
FORGET_PEAK = "5"


def forget_peaks() -> None:
    """Count from here on; where the system does not let us, from the start of the process."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    try:
        CLEAR.write_text(FORGET_PEAK)
    except OSError:
        return


def peaks() -> dict[str, float]:
    """Bytes at most since `forget_peaks`, by name; of the boxes those that they hold now."""
    found = {"memory_bytes_max": float(_peak() + usage(os.getpid()).memory)}
    if torch.cuda.is_available():
        found["device_bytes_max"] = float(torch.cuda.max_memory_allocated())
    return found


def _peak() -> int:
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
