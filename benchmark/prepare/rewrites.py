"""Rewritings of a network that leave its function as it is and make its gradient cheaper.

Each changes `model` in place and says whether it found anything to change; `prepare` checks on an
example that the logits are still the same.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from timm.layers import Attention, BatchNormAct2d
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from benchmark.tensors import Images


def fold_batch_norm(model: nn.Module, example: Images) -> bool:
    """Move each batch norm that alone reads a convolution into that convolution's weights."""
    found = list(_foldable(model, example))
    for conv, bn, name in found:
        mean, variance = _statistics(bn)
        gain = (variance.double() + bn.eps).rsqrt()
        if bn.affine:
            gain = gain * bn.weight.double()
        bias = -mean.double() if conv.bias is None else conv.bias.double() - mean.double()
        bias = bias * gain + (bn.bias.double() if bn.affine else 0)
        weight = conv.weight.double() * gain.view(-1, 1, 1, 1)
        conv.weight = nn.Parameter(weight.to(conv.weight.dtype), requires_grad=False)
        conv.bias = nn.Parameter(bias.to(conv.weight.dtype), requires_grad=False)
        model.set_submodule(name, bn.act if isinstance(bn, BatchNormAct2d) else nn.Identity())
    return bool(found)


def _foldable(model: nn.Module, example: Images) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d, str]]:
    """Each convolution that one batch norm alone reads, that batch norm, and its name.

    Read off autograd's graph of one pass, because modules do not say who feeds whom.
    """
    calls: Counter[nn.Module] = Counter()
    maker: dict[Any, nn.Conv2d] = {}
    pairs: list[tuple[Any, nn.BatchNorm2d]] = []

    def seen(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls[module] += 1
        if isinstance(module, nn.Conv2d):
            maker[output.grad_fn] = module
        elif isinstance(module, nn.BatchNorm2d):
            pairs.append((inputs[0].grad_fn, module))

    names = {module: name for name, module in model.named_modules()}
    watched = [module for module in names if isinstance(module, (nn.Conv2d, nn.BatchNorm2d))]
    hooks = [module.register_forward_hook(seen) for module in watched]
    logits = model(example.detach().clone().requires_grad_())
    for hook in hooks:
        hook.remove()
    readers = _readers(logits.grad_fn)
    for node, norm in pairs:
        if node in maker and len(_statistics(norm)[0]):
            conv = maker[node]
            if readers[node] == calls[conv] == calls[norm] == 1:
                yield conv, norm, names[norm]


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Running mean and variance; none of either if the norm measures every batch anew."""
    mean, variance = norm.running_mean, norm.running_var
    nothing = torch.empty(0)
    return (nothing if mean is None else mean, nothing if variance is None else variance)


def _readers(last: Any) -> Counter[Any]:
    """How many nodes of autograd's graph under `last` read each node."""
    readers: Counter[Any] = Counter()
    todo, seen = [last], {last}
    while todo:
        for node, _ in todo.pop().next_functions:
            readers[node] += 1
            if node is not None and node not in seen:
                seen.add(node)
                todo.append(node)
    return readers


class _ClassTokenBlock(nn.Module):
    """A transformer's last block for its first token alone, where only that one is read on."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        block, attn = self.block, self.block.attn
        n, tokens, _ = x.shape
        h = block.norm1(x)
        split = attn.num_heads * attn.head_dim
        weight, bias = attn.qkv.weight, attn.qkv.bias
        first = None if bias is None else bias[:split]
        rest = None if bias is None else bias[split:]
        q = nn.functional.linear(h[:, :1], weight[:split], first)
        kv = nn.functional.linear(h, weight[split:], rest)
        q = attn.q_norm(q.view(n, 1, attn.num_heads, attn.head_dim).transpose(1, 2))
        k, v = kv.view(n, tokens, 2, attn.num_heads, attn.head_dim).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q * attn.scale @ attn.k_norm(k).transpose(-2, -1)).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).reshape(n, 1, split)
        token: Tensor = x[:, :1] + block.ls1(attn.proj(attn.norm(mixed)))
        out: Tensor = token + block.ls2(block.mlp(block.norm2(token)))
        return out


def shorten_last_block(model: nn.Module, _: Images) -> bool:
    """Compute the last block of a vision transformer for the class token only, if it is all."""
    found = False
    for transformer in [m for m in model.modules() if isinstance(m, VisionTransformer)]:
        last = transformer.blocks[-1]
        plain = type(last) is Block and type(last.attn) is Attention
        if plain and transformer.global_pool == "token":
            transformer.blocks[-1] = _ClassTokenBlock(last)
            found = True
    return found


def open_attention(model: nn.Module) -> None:
    """Multiply attention out, matrix by matrix: in bf16 the CPU's fused kernel is far slower."""
    for module in model.modules():
        if isinstance(module, Attention):
            module.fused_attn = False


class _UnrolledConv2d(nn.Conv2d):
    """A convolution of stride s as one of stride 1 on s times s as many channels.

    Its gradient by an input of three channels is what a strided convolution computes worst: twice
    as slowly for a ResNet's first layer, five times for a transformer's cut into patches.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        size, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
        bias = conv.bias is not None
        super().__init__(
            conv.in_channels, conv.out_channels, size, stride, padding, bias=bias, device="meta"
        )
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, x: Tensor) -> Tensor:
        (size, _), (s, _) = self.kernel_size, self.stride
        n, c, *sides = x.shape
        pad, taps = int(self.padding[0]), -(-size // s)
        h, w = ((side + 2 * pad - size) // s + taps for side in sides)
        behind = s * h - sides[0] - pad, s * w - sides[1] - pad
        x = nn.functional.pad(x, (pad, behind[1], pad, behind[0])).view(n, c, h, s, w, s)
        x = x.permute(0, 2, 4, 3, 5, 1).reshape(n, h, w, s * s * c).permute(0, 3, 1, 2)
        more = taps * s - size
        weight = nn.functional.pad(self.weight, (0, more, 0, more)).view(-1, c, taps, s, taps, s)
        weight = weight.permute(0, 3, 5, 1, 2, 4).reshape(-1, s * s * c, taps, taps)
        return nn.functional.conv2d(x, weight, self.bias)


def unroll_strides(model: nn.Module, _: Images) -> bool:
    """Unroll the convolutions of a stride that read the three channels of a picture."""
    found = [(name, m) for name, m in model.named_modules() if type(m) is nn.Conv2d and _strided(m)]
    for name, conv in found:
        model.set_submodule(name, _UnrolledConv2d(conv))
    return bool(found)


def _strided(conv: nn.Conv2d) -> bool:
    """Whether this is a plain convolution of three channels with a stride, the same both ways."""
    pairs = (conv.kernel_size, conv.stride, conv.padding)
    plain = conv.padding_mode == "zeros" and conv.groups == conv.dilation[0] == conv.dilation[1]
    even = all(not isinstance(pair, str) and pair[0] == pair[1] for pair in pairs)
    return plain and even and conv.in_channels == 3 and conv.stride[0] > 1


def entry(network: nn.Module, x: Tensor) -> nn.Conv2d | None:
    """The convolution that reads the network's input `x`, if it is the only reader."""
    x = x.detach().clone().requires_grad_()
    entries: list[nn.Conv2d] = []

    def seen(module: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        if isinstance(module, nn.Conv2d) and inputs[0] is x:
            entries.append(module)

    hooks = [m.register_forward_hook(seen) for m in network.modules() if isinstance(m, nn.Conv2d)]
    logits = network(x)
    for hook in hooks:
        hook.remove()
    leaf = torch.autograd.graph.get_gradient_edge(x).node
    alone = len(entries) == 1 and _readers(logits.grad_fn)[leaf] == 1
    return entries[0] if alone and entries[0].groups == 1 else None
