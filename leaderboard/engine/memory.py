"""How much memory a worker may take of its accelerator, and how much it held at most of all."""

import os
from pathlib import Path

import torch

from benchmark.device_share import device_share
from benchmark.fitting import Fitting
from benchmark.places import cache_folder
from leaderboard.sandbox.watch import usage

FOR_ITSELF, FOR_A_BOX = 0.4, 0.1
"""Of a worker's share of a device; a codec that is attacked and judged has up to six boxes."""
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
FORGET_PEAK = "5"


def hold(device: torch.device, *, sandboxed: bool) -> None:
    """Keep what torch takes of a device under this worker's share of it.

    The share holds for the tensors of the worker and its boxes; the context that CUDA itself makes
    for each process (some hundred MB) comes on top.
    """
    if device.type == "cuda":
        share = device_share() * (FOR_ITSELF if sandboxed else 1)
        torch.cuda.set_per_process_memory_fraction(share, torch.cuda.current_device())


def fitting_of(device: torch.device, *names: object) -> Fitting:
    """What divides attacks on this device, and remembers what of `names` fits it."""
    described: tuple[object, ...] = (device.type,)
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(torch.cuda.current_device())
        described = (found.name, found.total_memory, device_share())
    file = cache_folder("fitting") / "pictures.json"
    return Fitting(file, (*described, torch.__version__, *names))


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
