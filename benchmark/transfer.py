"""Transfer examples: crafted once on the bare classifier, kept by content for every submission."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import astuple
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from benchmark.environment import code_hash
from benchmark.protocol import PlannedCell

CHECKED = "sha256"


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """sha256 of named tensors, which the format itself does not keep."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _whole(path: Path) -> dict[str, Tensor] | None:
    """What a file of the cache holds; None if it is not there, or not as it was written."""
    try:
        with safe_open(path, framework="pt") as file:
            said = (file.metadata() or {}).get(CHECKED)
            kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError):
        return None
    return kept if checksum(kept) == said else None


class TransferCache:
    """Pictures by the hash of everything that decides them; a damaged file is made anew."""

    def __init__(self, folder: Path, device: torch.device, precision: str) -> None:
        """Keep files under `folder`, for crafting on `device` with this process's threads."""
        self._folder = folder
        threads = torch.get_num_threads()
        self._machine = [code_hash(), torch.__version__, str(device), precision, threads]

    def get(
        self,
        identity: str,
        planned: PlannedCell,
        pixels: Tensor,
        y: Tensor,
        craft: Callable[[], dict[str, Tensor]],
    ) -> dict[str, Tensor]:
        """What `craft` gives for this classifier, cell and batch, from the cache if it is there."""
        budget = planned.budget
        recipe = [*self._machine, identity, planned.cell.name, *map(str, astuple(budget)[1:])]
        digest = hashlib.sha256(json.dumps(recipe).encode())
        digest.update(pixels.cpu().numpy().tobytes() + y.cpu().numpy().tobytes())
        path = self._folder / f"{digest.hexdigest()}.safetensors"
        if (kept := _whole(path)) is not None:
            return kept
        made = craft()
        partial = path.with_suffix(f".{os.getpid()}.partial")
        try:
            save_file(made, partial, {CHECKED: checksum(made)})
            partial.replace(path)
        except (OSError, SafetensorError):  # a full disk costs the cache, not the run
            partial.unlink(missing_ok=True)
        return made
