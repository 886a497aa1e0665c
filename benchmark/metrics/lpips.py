"""Learned perceptual image patch similarity (Zhang et al. 2018, arXiv 1801.03924), version 0.1."""

import importlib.util
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
import torchvision.models
from torch import Tensor, nn

from benchmark.draws import seeded
from benchmark.errors import DataError, UnknownNameError
from benchmark.metrics.pairs import check_pair
from benchmark.tensors import Images, PerImage
from benchmark.weights import find, read_weights

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet. The authors' own shift and scale, for pictures in [-1, 1], are these."""
TINY = 1e-10
LINEAR = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1"
)

Convolution = tuple[int, int, int, int]
"""Channels out, kernel, stride and padding; a ReLU follows."""


class Backbone(NamedTuple):
    """A network of torchvision as the distance reads it.

    `layers` are convolutions and the kernels of poolings. `read` are the places of the ReLUs whose
    output counts, `smallest` is the least side of a picture in pixels. `url` is where the weights
    are published, `sha256` that of the file of linear weights.
    """

    layers: tuple[Convolution | int, ...]
    read: tuple[int, ...]
    smallest: int
    url: str
    sha256: str


ALEX: tuple[Convolution | int, ...] = (
    *((64, 11, 4, 2), 3, (192, 5, 1, 2), 3),
    *((384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)),
)
WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)
VGG: tuple[Convolution | int, ...] = tuple((width, 3, 1, 1) if width else 2 for width in WIDTHS)
BACKBONES: Mapping[str, Backbone] = {
    "alex": Backbone(
        layers=ALEX,
        read=(1, 4, 7, 9, 11),
        smallest=31,
        url=torchvision.models.AlexNet_Weights.IMAGENET1K_V1.url,
        sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    ),
    "vgg": Backbone(
        layers=VGG,
        read=(3, 8, 15, 22, 29),
        smallest=16,
        url=torchvision.models.VGG16_Weights.IMAGENET1K_V1.url,
        sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    ),
}


class Lpips(nn.Module):
    """The distance of two pictures in a network's features, weighted by channel."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str) -> None:
        """With the backbone `name` of `BACKBONES` and random weights; see `load`."""
        super().__init__()
        if name not in BACKBONES:
            raise UnknownNameError("LPIPS backbone", name, BACKBONES)
        self.backbone = BACKBONES[name]
        with seeded("lpips", name):  # nothing is drawn from the global generators
            self.features, widths = _built(self.backbone)
            self.linear = nn.ParameterList([torch.rand(width) for width in widths])
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    def forward(self, x: Images, x_hat: Images) -> PerImage:
        """The distance of each image from its counterpart; 0 for identical ones."""
        check_pair(x, x_hat, self.backbone.smallest, "lpips")
        distance = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        pairs = zip(self._read(x), self._read(x_hat), self.linear, strict=True)
        for ours, theirs, weights in pairs:
            differences = (ours - theirs).square() * weights.view(1, -1, 1, 1)
            distance = distance + differences.sum(1).mean((1, 2))
        return distance

    def _read(self, x: Images) -> Iterator[Tensor]:
        """The features that count, each place's of length 1."""
        features = (x - self.mean) / self.std
        for place, layer in enumerate(self.features):
            features = layer(features)
            if place in self.backbone.read:
                yield features / (features.square().sum(1, keepdim=True).sqrt() + TINY)


def _built(backbone: Backbone) -> tuple[nn.Sequential, list[int]]:
    """The network's layers as torchvision numbers them, and the channels at the places read."""
    layers: list[nn.Module] = []
    channels, widths = 3, []
    for layer in backbone.layers:
        if isinstance(layer, int):
            layers.append(nn.MaxPool2d(layer, 2))
            continue
        out, kernel, stride, padding = layer
        layers += [nn.Conv2d(channels, out, kernel, stride, padding), nn.ReLU()]
        channels = out
        if len(layers) - 1 in backbone.read:
            widths.append(out)
    return nn.Sequential(*layers), widths


def filled(measure: Lpips, weights: Mapping[str, Tensor]) -> Lpips:
    """`measure` with the weights of torchvision's network and the linear ones, as published."""
    prefix = "features."
    expected = {prefix + name: t.shape for name, t in measure.features.state_dict().items()}
    places = [f"lin{i}.model.1.weight" for i in range(len(measure.linear))]
    for name, old in zip(places, measure.linear, strict=True):
        expected[name] = torch.Size((1, len(old), 1, 1))
    for name, shape in expected.items():
        found = tuple(weights[name].shape) if name in weights else "nothing"
        if found != tuple(shape):
            raise DataError(f"LPIPS weights hold {found} as {name}, expected {tuple(shape)}")
    if any(bool((weights[name] < 0).any()) for name in places):
        raise DataError("LPIPS weights: a linear one is negative, expected none")
    kept = {name: weights[prefix + name] for name in measure.features.state_dict()}
    measure.features.load_state_dict(kept)
    for old, name in zip(measure.linear, places, strict=True):
        old.copy_(weights[name].flatten())
    return measure


def load(name: str) -> Lpips:
    """LPIPS with the published weights, which are fetched unless they are on this machine."""
    measure = Lpips(name)
    file = measure.backbone.url.rpartition("/")[2]
    digits = Path(file).stem.rpartition("-")[2]  # torchvision puts them into the name
    backbone = read_weights(find(file, url=measure.backbone.url, sha256=digits), None)
    linear = read_weights(_linear(name), measure.backbone.sha256)
    return filled(measure, {**backbone, **linear})


def _linear(name: str) -> Path:
    """The file of the linear weights, a few kB, which the authors' package `lpips` has too."""
    package = importlib.util.find_spec("lpips")
    for root in (package.submodule_search_locations or ()) if package else ():
        if (file := Path(root) / "weights" / "v0.1" / f"{name}.pth").exists():
            return file
    url = f"{LINEAR}/{name}.pth"
    return find(f"lpips-{name}-v0.1.pth", url=url, sha256=BACKBONES[name].sha256)


@lru_cache(maxsize=4)
def _loaded(name: str, device: torch.device) -> Lpips:
    return load(name).to(device)


def lpips_alex(x: Images, x_hat: Images) -> PerImage:
    """LPIPS of each image on AlexNet, which agrees best with people's judgments."""
    distance: PerImage = _loaded("alex", x.device)(x, x_hat)
    return distance


def lpips_vgg(x: Images, x_hat: Images) -> PerImage:
    """LPIPS of each image on VGG-16."""
    distance: PerImage = _loaded("vgg", x.device)(x, x_hat)
    return distance
