"""Tensors to a device and back through memory that the device reads and writes by itself."""

import torch
from torch import Tensor


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """`x` on `device`; the copy to an accelerator goes on while this process does."""
    if device.type != "cuda" or x.is_cuda:
        return x.to(device)
    return x.pin_memory(device).to(device, non_blocking=True)


def to_host(x: Tensor) -> Tensor:
    """`x` where this process can read it."""
    if not x.is_cuda:
        return x.cpu()
    pinned = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
    pinned.copy_(x, non_blocking=True)
    torch.cuda.current_stream(x.device).synchronize()
    return pinned
