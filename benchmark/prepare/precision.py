"""In which precision attacks are crafted."""

from collections.abc import Mapping

import torch

from benchmark.errors import CallError

PRECISIONS: Mapping[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


def precision_on(device: torch.device, asked: str = "auto") -> str:
    """The precision in which attacks are crafted there: the one asked for, or what is fast."""
    if asked == "auto":
        return next(name for name, dtype in PRECISIONS.items() if dtype == crafting_dtype(device))
    if asked not in PRECISIONS:
        raise CallError(f"precision {asked!r}: expected auto, fp32 or bf16")
    return asked


def crafting_dtype(device: torch.device) -> torch.dtype:
    """bf16 where `device` multiplies it faster than fp32, else fp32."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        can = torch.cpu.get_capabilities() if device.type == "cpu" else {}
        native = bool(can.get("avx512_bf16") or can.get("amx_bf16"))
    return torch.bfloat16 if native else torch.float32
