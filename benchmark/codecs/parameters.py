"""Weights into a model: every name and shape must fit, and an error names those that do not."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from benchmark.errors import DataError

SHOWN = 4
"""Names that an error lists of each kind."""


def fill(model: nn.Module, tensors: Mapping[str, Tensor], source: object) -> None:
    """Copy `tensors` into the parameters of `model`; `source` is where they come from, for errors.

    Buffers are left alone: those of a codec are tables that it computes from its parameters.
    """
    wanted = dict(model.named_parameters())
    shared = wanted.keys() & tensors.keys()
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in sorted(shared)
        if tensors[name].shape != wanted[name].shape
    ]
    complaints = {
        "missing": sorted(wanted.keys() - shared),
        "unexpected": sorted(tensors.keys() - shared),
        "of another shape": misshapen,
    }
    said = "; ".join(f"{what}: {listed(names)}" for what, names in complaints.items() if names)
    if said:
        raise DataError(
            f"{source} does not fit {type(model).__name__}: {said}; give the weights that were "
            f"made for this architecture and width"
        )
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(tensors[name])


def listed(names: Sequence[str]) -> str:
    """The first of `names`, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
