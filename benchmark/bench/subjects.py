"""The models that are attacked and their images; made when asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import timm
import torch
import torchvision.models
from torch import Tensor, nn

from benchmark import classifiers, datasets
from benchmark.classifiers import NormalizedClassifier, Recipe
from benchmark.draws import seeded
from benchmark.errors import DataError, UnknownNameError
from benchmark.geometry import from_bytes
from benchmark.places import DATA_VARIABLE, data_folder
from benchmark.protocol import ClassifierSpec, DatasetSpec, RecipeSpec
from benchmark.tensors import Images, Labels, Logits

IMAGENET = Recipe(0, 224, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
DEIT = ClassifierSpec(
    name="deit-tiny",
    source="timm",
    architecture="deit_tiny_patch16_224",
    weights="weights/deit_tiny_patch16_224.safetensors",
    sha256="b2e17235172c1dcddacb55aa8914e2f8b4b95eb9bb7d7782f333bcbef77151b8",
    recipe=RecipeSpec(resize=0),
)


@dataclass(frozen=True)
class Subject:
    """A model as its library makes it, in eval mode, and images on the 8-bit lattice."""

    model: nn.Module
    x: Images
    y: Labels

    def to(self, device: str) -> "Subject":
        """The same on `device`."""
        return Subject(self.model.to(device), self.x.to(device), self.y.to(device))


@torch.no_grad()
def logits(model: nn.Module, x: Images) -> Logits:
    """Logits of any number of images, a few at a time."""
    return torch.cat([model(x[start : start + 16]) for start in range(0, len(x), 16)])


def _pictures(images: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(images, 3, 14, 14, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=224, mode="bilinear")
    return from_bytes((smooth * 255).round().to(torch.uint8))


def _random(network: nn.Module, images: int) -> Subject:
    """A network with random weights, right about every image by definition: for time alone."""
    model = NormalizedClassifier(network, IMAGENET, None).eval()
    x = _pictures(images)
    return Subject(model, x, logits(model, x).argmax(1))


def resnet50(images: int) -> Subject:
    """Torchvision's ResNet-50. Its batch norms take their statistics from the images.

    Otherwise its random logits are in the thousands, and no attack has a gradient.
    """
    with seeded("resnet50"):
        network = torchvision.models.resnet50(weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()((_pictures(8) - 0.45) / 0.225)
    return _random(network, images)


def vit_small(images: int) -> Subject:
    """Timm's ViT-small with 16-pixel patches."""
    with seeded("vit"):
        network = timm.create_model("vit_small_patch16_224", pretrained=False)
        nn.init.normal_(network.head.weight, std=0.1)
    return _random(network, images)


def vit_b16(images: int) -> Subject:
    """Torchvision's ViT-B/16, whose last layer would begin with zeros."""
    with seeded("vit"):
        network = torchvision.models.vit_b_16(weights=None)
        nn.init.normal_(network.heads.head.weight, std=0.1)
    return _random(network, images)


def deit_tiny(images: int) -> Subject:
    """The pretrained DeiT-tiny and photographs of the ImageNet validation set."""
    if data_folder() is None:
        raise DataError(
            f"weights and photographs of deit-tiny are missing; set {DATA_VARIABLE} to the folder "
            "that holds weights/ and imagenet-val/"
        )
    return _loaded(DEIT, DatasetSpec(name="folder", folder="imagenet-val", sample=images))


def mini_resnet(images: int) -> Subject:
    """The bundled residual network and its pictures."""
    spec = ClassifierSpec(name="mini-resnet", source="bundled", architecture="mini-resnet")
    return _loaded(spec, DatasetSpec(name="shapes", sample=images))


def _loaded(spec: ClassifierSpec, dataset: DatasetSpec) -> Subject:
    """Parameters ask for gradients, as those of a model that a library makes do."""
    loaded = classifiers.load(spec)
    pictures = datasets.find(dataset)
    x = [loaded.recipe.prepare(pictures.read(i), pictures.ids[i]) for i in range(len(pictures))]
    model = loaded.model.eval().requires_grad_(True)
    return Subject(model, from_bytes(torch.stack(x)), torch.tensor(pictures.labels))


SUBJECTS: Mapping[str, Callable[[int], Subject]] = {
    "resnet50": resnet50,
    "vit-small": vit_small,
    "vit-b16": vit_b16,
    "deit-tiny": deit_tiny,
    "mini-resnet": mini_resnet,
}


def find(name: str, images: int) -> Subject:
    """The subject called `name` with so many images."""
    if name not in SUBJECTS:
        raise UnknownNameError("subject", name, SUBJECTS)
    return SUBJECTS[name](images)
