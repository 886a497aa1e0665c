"""ELIC (He et al. 2022, arXiv 2203.10886), as VincentChandelier/ELiC-ReImplemetation trained it.

The model is compressai's; six checkpoints are public, whose tensors are called differently. All
latents of an image go into one string: compressai's one for each half of each group would end in
ten coder states, which at the lowest rate is a tenth of the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from compressai.models.sensetime import Elic2022Chandelier  # type: ignore[import-untyped]
from torch import Tensor, nn

from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.parameters import fill
from benchmark.codecs.steps import Step, Symbols, decoded, encoded
from benchmark.errors import CallError, DataError
from benchmark.tensors import Images

STRIDE = 64
COMPUTED = re.compile(
    r"(\.|^)(_offset|_quantized_cdf|_cdf_length|scale_table|scale_bound|bound|target|mask)$"
)
"""Tensors that a model computes from its parameters, or that are constant."""
RENAMED = (
    (r"h_([as])\.", "latent_codec.hyper.h_{part}."),
    (r"cc_transforms\.(\d+)\.", "latent_codec.y.channel_context.y{following}."),
    (r"context_prediction\.(\d+)\.", "latent_codec.y.latent_codec.y{part}.context_prediction."),
    (r"ParamAggregation\.(\d+)\.", "latent_codec.y.latent_codec.y{part}.entropy_parameters."),
    (r"(entropy_bottleneck)\.", "latent_codec.hyper.{part}."),
)
"""Beginnings of names in the public checkpoints, and in compressai's model."""
LAYERS = {"matrix": "matrices", "bias": "biases", "factor": "factors"}
"""The density's parameters as compressai called them before version 1.2, and calls them now."""


@dataclass(frozen=True)
class Widths:
    """Channels of an ELIC model; the defaults are those of the public checkpoints.

    `groups` of the latents are coded one after the other. `context` are the two inner widths of
    what predicts a group from those before it, `aggregation` that of what joins all predictions.
    """

    channels: int = 192
    groups: tuple[int, ...] = (16, 16, 32, 64, 192)
    context: tuple[int, int] = (224, 128)
    aggregation: int = 512

    @property
    def latents(self) -> int:
        """Channels of the latents."""
        return sum(self.groups)


class ElicModel(Elic2022Chandelier):  # type: ignore[misc]
    """Compressai's model, with all of its widths free and one string for all latents."""

    def __init__(self, widths: Widths) -> None:
        if len(widths.groups) < 2 or min(widths.groups, default=0) < 1 or widths.channels < 2:
            raise CallError(f"{widths}: expected two groups or more, no width below 1")
        super().__init__(N=widths.channels, M=widths.latents, groups=widths.groups)
        self.made_as = widths
        coder = self.latent_codec["y"]
        for k in range(len(widths.groups)):
            name = f"y{k}"
            if k > 0:
                coder.channel_context[name] = _resized(coder.channel_context[name], widths.context)
            inner = (2 * widths.latents, widths.aggregation)
            codec = coder.latent_codec[name]
            codec.entropy_parameters = _resized(codec.entropy_parameters, inner)

    def compress(self, x: Images) -> dict[str, Any]:
        """Strings of the latents and the hyperlatents, of each image."""
        y = self.g_a(x)
        hyper = self.latent_codec["hyper"].compress(y)
        parameters = hyper["params"]
        y_strings = [self._string(y[i : i + 1], parameters[i : i + 1]) for i in range(len(y))]
        return {"strings": [y_strings, *hyper["strings"]], "shape": hyper["shape"]}

    def _string(self, y: Tensor, parameters: Tensor) -> bytes:
        coder = self.latent_codec["y"]
        groups = torch.split(y, coder.groups, dim=1)
        halves = [coder.latent_codec[f"y{k}"].unembed(group) for k, group in enumerate(groups)]

        def wanted(step: Step) -> Tensor:
            group, half = step.place
            latents: Tensor = halves[group][half]
            return latents

        return encoded(self._gaussian, partial(self._latents, parameters), wanted)

    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int]) -> dict[str, Any]:
        """The reconstruction from the strings of each image."""
        y_strings, z_strings = strings
        parameters = self.latent_codec["hyper"].decompress([z_strings], shape)["params"]
        latents = [
            self._from_string(string, parameters[i : i + 1]) for i, string in enumerate(y_strings)
        ]
        return {"x_hat": self.g_s(torch.cat(latents))}

    def _from_string(self, string: bytes, parameters: Tensor) -> Tensor:
        return decoded(self._gaussian, partial(self._latents, parameters), string)

    def _latents(self, parameters: Tensor, symbols: Symbols) -> Tensor:
        """The decoded latents (n, channels, h, w), given the hyperprior's `parameters`."""
        coder = self.latent_codec["y"]
        known: list[Tensor] = []
        for k, channels in enumerate(coder.groups):
            codec = coder.latent_codec[f"y{k}"]
            sides = codec.unembed(coder._get_ctx_params(k, parameters, known))
            n, _, height, width = sides[0].shape
            halves = parameters.new_zeros(2, n, channels, height, width)
            # The first half knows nothing of its own group, not even the convolution's bias.
            context = parameters.new_zeros(n, 2 * channels, height, width)
            for i in (0, 1):
                gaussians = codec.entropy_parameters(codec.merge(context, sides[i]))
                scales, means = codec.latent_codec["y"]._chunk(gaussians)
                halves[i] = symbols(Step((k, i), scales, means)) + means
                if i == 0:
                    context = codec.unembed(codec.context_prediction(codec.embed(halves)))[1]
            known.append(codec.embed(halves))
        return torch.cat(known, 1)

    @property
    def _gaussian(self) -> Any:
        """Any group's: their tables are the same."""
        return self.latent_codec["y"].latent_codec["y0"].latent_codec["y"].gaussian_conditional


def _resized(layers: nn.Sequential, inner: Sequence[int]) -> nn.Sequential:
    """Three convolutions with ReLU between them, like `layers`, of the widths `inner`."""
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    if [layer.out_channels for layer in convolutions[:-1]] == list(inner):
        return layers
    outputs = (*inner, convolutions[-1].out_channels)
    inputs = (convolutions[0].in_channels, *inner)
    made: list[nn.Module] = []
    for old, before, after in zip(convolutions, inputs, outputs, strict=True):
        size = old.kernel_size[0]
        made += [nn.Conv2d(before, after, size, padding=size // 2), nn.ReLU(inplace=True)]
    return nn.Sequential(*made[:-1])


class ElicCodec(LearnedCodec):
    """An ELIC model behind its bitstream."""

    def __init__(self, model: ElicModel) -> None:
        super().__init__(model, STRIDE)


def model_of(tensors: Mapping[str, Tensor], source: object = "the weights") -> ElicModel:
    """The model whose weights are `tensors`, a public checkpoint or a state dict of `ElicModel`."""
    given = renamed(tensors)
    try:
        model = ElicModel(_widths(given))
    except KeyError as missing:
        raise DataError(
            f"{source} has no tensor {missing}, expected the state dict of an ELIC model"
        ) from missing
    fill(model, given, source)
    model.eval()
    return model


def _widths(given: Mapping[str, Tensor]) -> Widths:
    """The widths of the model, read off its tensors by compressai's names."""
    out = {name: tensor.shape[0] for name, tensor in given.items() if tensor.ndim}
    coder = "latent_codec.y.latent_codec.y{}.{}.weight"
    count = sum(name.endswith(".context_prediction.weight") for name in given)
    groups = [out[coder.format(k, "context_prediction")] // 2 for k in range(max(2, count))]
    inner = [out[f"latent_codec.y.channel_context.y1.{layer}.weight"] for layer in (0, 2)]
    return Widths(
        channels=out["g_a.0.weight"],
        groups=tuple(groups),
        context=(inner[0], inner[1]),
        aggregation=out[coder.format(0, "entropy_parameters.2")],
    )


def renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` by compressai's names, without those that the model computes."""
    return {
        _renamed(name.removeprefix("module.")): tensor
        for name, tensor in tensors.items()
        if not COMPUTED.search(name)
    }


def _renamed(name: str) -> str:
    for beginning, ours in RENAMED:
        found = re.match(beginning, name)
        if found:
            part = found[1]
            following = int(part) + 1 if part.isdigit() else None
            name = ours.format(part=part, following=following) + name[found.end() :]
            break
    old = re.search(r"\._(matrix|bias|factor|matrices|biases|factors)\.?(\d+)$", name)
    if old is None:
        return name
    return f"{name[: old.start()]}.{LAYERS.get(old[1], old[1])}.{old[2]}"
