"""A copy of a frozen classifier made for crafting: the same function, cheaper to differentiate.

Judging never goes through here: it asks the classifier as it was loaded, in fp32.
"""

import copy
import sys
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.classifiers import NormalizedClassifier
from benchmark.classifiers.layout import layout_of
from benchmark.prepare.rewrites import (
    entry,
    fold_batch_norm,
    open_attention,
    shorten_last_block,
    unroll_strides,
)
from benchmark.tensors import Images, Logits
from benchmark.threat import LEVELS

AGREEMENT = 1e-3
"""How far fp32 logits may move, as a share of the largest one: rounding, and nothing else."""

AGREEMENT_16 = 0.1
"""The same for bf16 logits, whose error is that of 8 bits of mantissa through many layers."""

AT_ONCE = 16 * 224 * 224
"""Pixels in one fp32 pass of a convolutional network on a CPU: more cost more in memory traffic."""

DOUBT = 4.0
"""Margins are doubted up to this many times the largest error of the logits on the example."""


class Prepared(nn.Module):
    """A network in `dtype` behind its normalization; images and logits are fp32 and contiguous.

    A margin that is below `uncertainty`, so wrong or nearly so, the model as it was may see on the
    other side: that one has to be asked. (It is not enough to ask where this one answers wrong. Its
    last bits depend on the batch, and an attack asks it in another batch than who checks.)
    """

    scale: Tensor
    shift: Tensor
    kept: Tensor | None

    def __init__(self, model: nn.Module, example: Images, dtype: torch.dtype) -> None:
        """Take the normalization and the choice of classes out of `model`, a copy."""
        super().__init__()
        scale, shift, kept = torch.ones((), device=example.device), None, None
        if isinstance(model, NormalizedClassifier):
            scale, shift, kept = 1 / model.std, -model.mean / model.std, model.kept
            if dtype is torch.bfloat16:
                scale, shift = _whole_levels(model, example)
            model = model.network
        self.register_buffer("scale", scale)
        self.register_buffer("shift", torch.zeros_like(scale) if shift is None else shift)
        self.register_buffer("kept", kept)
        self.layout = layout_of(model)
        self.dtype = dtype
        convolutional = self.layout is torch.channels_last
        height, width = example.shape[-2:]
        costly = convolutional and dtype is torch.float32 and example.device.type == "cpu"
        self.at_once = max(1, AT_ONCE // (height * width)) if costly else sys.maxsize
        self.uncertainty = 0.0
        self.network = model.to(dtype=dtype).to(memory_format=self.layout)

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        if len(x) > self.at_once:
            return torch.cat([self.forward(part) for part in torch.split(x, self.at_once)])
        entered = _Enter.apply(x, self.scale, self.shift, self.dtype, self.layout)
        logits: Tensor = self.network(entered).to(x.dtype)
        return logits if self.kept is None else logits[:, self.kept]


class _Enter(torch.autograd.Function):
    """Normalize and convert in one pass each way; the gradient comes back in the images' layout."""

    @staticmethod
    def forward(context: Any, x: Tensor, *how: Any) -> Tensor:
        scale, shift, dtype, layout = how
        context.scale, context.dtype = scale, x.dtype
        return torch.addcmul(shift, x, scale).to(dtype=dtype, memory_format=layout)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gradient = gradients[0].to(dtype=context.dtype, memory_format=torch.contiguous_format)
        return gradient * context.scale, None, None, None, None


def _whole_levels(model: NormalizedClassifier, example: Images) -> tuple[Tensor, Tensor]:
    """Scale and shift that take pictures to whole grey levels, which bf16 holds exactly.

    Normalized pictures do not fit into 8 bits of mantissa: a quarter of a grey level would be lost
    before the first layer. So its weights take over the rest of the normalization. Its padding then
    stands for the whole level next to the mean, which is within bf16's error.
    """
    first = entry(model.network, (example - model.mean) / model.std)
    if first is None:
        return 1 / model.std, -model.mean / model.std
    level = (model.mean * LEVELS).round()
    rest = (level / LEVELS - model.mean) / model.std
    bias = (first.weight * rest).sum((1, 2, 3)) + (0 if first.bias is None else first.bias)
    weight = first.weight / (LEVELS * model.std)
    first.weight = nn.Parameter(weight, requires_grad=False)
    first.bias = nn.Parameter(bias, requires_grad=False)
    return torch.full_like(level, LEVELS), -level


def prepare(model: nn.Module, example: Images, *, dtype: torch.dtype) -> Prepared:
    """A frozen copy of `model`, in eval mode, that computes in `dtype`; `model` is left as it was.

    What is rewritten is checked on `example`: a rewriting under which the logits differ is left
    out, and so is a `dtype` in which the network cannot compute.
    """
    expected = _logits(model, example)
    plain = copy.deepcopy(model).eval().requires_grad_(False)
    for rewrite in (fold_batch_norm, shorten_last_block, unroll_strides):
        changed = copy.deepcopy(plain)
        if rewrite(changed, example) and _agree(_logits(changed, example), expected):
            plain = changed
    if dtype is not torch.float32:
        narrow = copy.deepcopy(plain)
        if example.device.type == "cpu":
            open_attention(narrow)
        made = Prepared(narrow, example, dtype)
        if _usable(made, example, expected):
            made.uncertainty = DOUBT * float((_logits(made, example) - expected).abs().amax())
            return made
    return Prepared(plain, example, torch.float32)


def _logits(model: nn.Module, example: Images) -> Logits:
    with torch.no_grad():
        logits: Tensor = model(example)
    return logits


def _agree(found: Logits, expected: Logits) -> bool:
    return bool((found - expected).abs().amax() <= AGREEMENT * expected.abs().amax())


def _usable(made: Prepared, example: Images, expected: Logits) -> bool:
    """Whether forward and backward exist in this precision and the logits are nearly the same."""
    x = example.detach().clone().requires_grad_()
    try:
        found = made(x)
        (gradient,) = torch.autograd.grad(found.sum(), x)
    except RuntimeError:  # a layer that knows fp32 alone
        return False
    near = (found - expected).abs().amax() <= AGREEMENT_16 * expected.abs().amax()
    return bool(near) and bool(gradient.isfinite().all())
