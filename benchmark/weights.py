"""Weight files: found on this machine or fetched once, checked against their hash, read safely."""

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from benchmark.errors import DataError
from benchmark.fetching import check, find

__all__ = ["find", "read_weights", "to_save"]

UNREADABLE = (
    SafetensorError,
    pickle.UnpicklingError,
    OSError,
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
)


def to_save(weights: dict[str, Tensor], *, half: bool) -> dict[str, Tensor]:
    """What a file is to hold: with `half`, tensors of two and more dimensions in 16 bits."""
    return {
        name: (tensor.half() if half and tensor.dim() > 1 else tensor).cpu().contiguous()
        for name, tensor in weights.items()
    }


def read_weights(path: Path, sha256: str | None) -> dict[str, Tensor]:
    """A state dict from a safetensors or torch file; pickled code is never run."""
    check(path, sha256, None, "fetch the file again")
    try:
        if path.suffix == ".safetensors":
            tensors: dict[str, Tensor] = load_file(path)
            return tensors
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as problem:
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise DataError(f"{path} is no readable weight file: {reason}") from problem
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise DataError(f"{path} holds no state dict; expected tensors by name")
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}
