"""The precision in which attacks are crafted, and classifiers made ready for it."""

from collections.abc import Mapping
from functools import lru_cache

import torch

from benchmark.classifiers import LoadedClassifier
from benchmark.errors import CallError
from benchmark.prepare import prepare
from benchmark.tensors import Model

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


@lru_cache(maxsize=8)
def prepared(classifier: LoadedClassifier, dtype: torch.dtype) -> Model:
    """The classifier as attacks use it, made once a process."""
    crop = classifier.recipe.crop
    device = classifier.model.mean.device
    generator = torch.Generator().manual_seed(0)
    example = torch.rand(2, 3, crop, crop, generator=generator).to(device)
    return prepare(classifier.model, example, dtype=dtype)
