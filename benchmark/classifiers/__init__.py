"""Classifiers by name: timm's, torchvision's and the small bundled ones, with their recipes."""

import hashlib
import math
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torchvision.models
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from benchmark.classifiers import bundled
from benchmark.classifiers.layout import layout_of
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.fetching import FOLDER, check
from benchmark.places import DATA_VARIABLE, data_folder, resolve
from benchmark.protocol import ClassifierSpec, RecipeSpec
from benchmark.tensors import Images, Logits
from benchmark.weights import read_weights

Picture = NDArray[np.uint8]
"""As in `benchmark.datasets`, which a submission that loads a classifier must not see."""


@dataclass(frozen=True)
class Recipe:
    """How a picture becomes an input: shorter side to `resize` (0: as it is), centre `crop`."""

    resize: int
    crop: int
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def prepare(self, picture: Picture, name: str) -> Tensor:
        """The classifier's input as bytes (3, crop, crop); `name` is the picture's, for errors."""
        image = Image.fromarray(picture)
        if self.resize:
            mode = InterpolationMode(self.interpolation)
            image = transforms.Resize(self.resize, mode)(image)
        if min(image.size) < self.crop:
            raise DataError(
                f"picture {name} is {image.width}x{image.height} pixels before the crop, expected "
                f"at least {self.crop}x{self.crop}; resize it, or set recipe.resize in the protocol"
            )
        pixels: Tensor = transforms.PILToTensor()(transforms.CenterCrop(self.crop)(image))
        return pixels


class NormalizedClassifier(nn.Module):
    """A network with its normalization inside, cut to some of its classes."""

    mean: Tensor
    std: Tensor
    kept: Tensor | None

    def __init__(self, network: nn.Module, recipe: Recipe, kept: Sequence[int] | None) -> None:
        """`kept` are the class numbers whose logits are given, None for all."""
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(recipe.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(recipe.std).view(1, 3, 1, 1))
        self.register_buffer("kept", None if kept is None else torch.tensor(kept))

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        logits: Tensor = self.network((x - self.mean) / self.std)
        return logits if self.kept is None else logits[:, self.kept]


@dataclass(frozen=True)
class LoadedClassifier:
    """A classifier ready to judge: parameters frozen, in eval mode.

    `identity` hashes weights, architecture and recipe; `numbers` are the dataset labels that its
    logits stand for, in order.
    """

    name: str
    model: NormalizedClassifier
    recipe: Recipe
    identity: str
    numbers: tuple[int, ...]


def load(
    spec: ClassifierSpec, beside: Sequence[Path] = (), device: torch.device | None = None
) -> LoadedClassifier:
    """The classifier of `spec`; `beside` are folders for relative paths of weights."""
    network, recipe = SOURCES[spec.source](spec, beside)
    recipe = _overridden(recipe, spec.recipe)
    network.eval().requires_grad_(False).to(memory_format=layout_of(network))
    with torch.no_grad():
        count = network(torch.zeros(1, 3, recipe.crop, recipe.crop)).shape[1]
    kept = spec.classes
    if kept is not None and not all(0 <= number < count for number in kept):
        raise CallError(f"classes of {spec.name}: expected numbers from 0 to {count - 1}")
    model = NormalizedClassifier(network, recipe, kept).eval().to(device)
    return LoadedClassifier(
        name=spec.name,
        model=model,
        recipe=recipe,
        identity=_identity(spec, recipe, network),
        numbers=kept or tuple(range(count)),
    )


def _overridden(recipe: Recipe, spec: RecipeSpec) -> Recipe:
    given = spec.model_dump(exclude_none=True)
    return Recipe(**{**recipe.__dict__, **given})


def _identity(spec: ClassifierSpec, recipe: Recipe, network: nn.Module) -> str:
    digest = hashlib.sha256(repr((spec.architecture, spec.options, recipe, spec.classes)).encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _fill(network: nn.Module, path: Path, spec: ClassifierSpec) -> None:
    weights = read_weights(path, spec.sha256)
    try:
        network.load_state_dict(weights)
    except RuntimeError as problem:
        reason = " ".join(str(problem).split())[:300]
        raise DataError(f"{path} does not fit {spec.architecture}: {reason}") from problem


def _bundled(spec: ClassifierSpec, beside: Sequence[Path]) -> tuple[nn.Module, Recipe]:
    if spec.architecture not in bundled.ARCHITECTURES:
        raise UnknownNameError("bundled classifier", spec.architecture, bundled.ARCHITECTURES)
    network = bundled.ARCHITECTURES[spec.architecture]()
    path = bundled.WEIGHTS / f"{spec.architecture}.safetensors"
    pinned = spec.model_copy(update={"sha256": bundled.SHA256[spec.architecture]})
    if spec.weights:
        path, pinned = resolve(spec.weights, beside), spec
    _fill(network, path, pinned)
    return network, Recipe(0, bundled.SIDE, "bilinear", bundled.MEAN, bundled.STD)


def _timm(spec: ClassifierSpec, beside: Sequence[Path]) -> tuple[nn.Module, Recipe]:
    if not timm.is_model(spec.architecture):
        raise UnknownNameError("timm model", spec.architecture, timm.list_models())
    local = resolve(spec.weights, beside) if spec.weights else None
    with _from_the_hub(spec):
        options: dict[str, Any] = dict(spec.options)
        network = timm.create_model(spec.architecture, pretrained=local is None, **options)
    if local is not None:
        _fill(network, local, spec)
    config = timm.data.resolve_data_config({}, model=network)
    crop = int(config["input_size"][-1])
    recipe = Recipe(
        resize=math.floor(crop / config["crop_pct"]),
        crop=crop,
        interpolation=config["interpolation"],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )
    return network, recipe


def _torchvision(spec: ClassifierSpec, beside: Sequence[Path]) -> tuple[nn.Module, Recipe]:
    known = torchvision.models.list_models(module=torchvision.models)
    if spec.architecture not in known:
        raise UnknownNameError("torchvision model", spec.architecture, known)
    published = dict(torchvision.models.get_model_weights(spec.architecture).__members__)
    is_file = bool(spec.weights and Path(spec.weights).suffix)
    if spec.weights and not is_file and spec.weights not in published:
        raise UnknownNameError(f"weights of {spec.architecture}", spec.weights, published)
    chosen = None if is_file else published[spec.weights or "DEFAULT"]
    if chosen is not None:
        _hand_over(chosen.url)
    with _from_the_hub(spec):
        network = torchvision.models.get_model(
            spec.architecture, weights=chosen, **dict[str, Any](spec.options)
        )
    if is_file and spec.weights:
        _fill(network, resolve(spec.weights, beside), spec)
    preset = (chosen or published["DEFAULT"]).transforms()
    return network, Recipe(
        resize=int(preset.resize_size[0]),
        crop=int(preset.crop_size[0]),
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )


def _hand_over(url: str) -> None:
    """Put a published file that lies in the data folder where torch looks before it fetches."""
    name = url.rsplit("/", 1)[-1]
    data = data_folder()
    target = Path(torch.hub.get_dir()) / "checkpoints" / name
    if data is None or target.exists() or not (source := data / FOLDER / name).is_file():
        return
    # The name ends in the first digits of the file's hash.
    check(source, name.rsplit("-", 1)[-1].split(".")[0], None, "put the right file there")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{name}.{os.getpid()}.partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


class _from_the_hub:  # noqa: N801 (reads as a phrase in `with`)
    """Words what goes wrong while published weights are fetched."""

    def __init__(self, spec: ClassifierSpec) -> None:
        self._spec = spec
        self._quiet = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._quiet.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        self._quiet.__exit__(None, None, None)
        if isinstance(problem, TypeError | ValueError):
            raise CallError(f"{self._spec.architecture}: {problem}") from problem
        if isinstance(problem, (OSError, RuntimeError)):
            raise DataError(
                f"weights of {self._spec.architecture} are not on this machine and could not be "
                f"fetched ({type(problem).__name__}); {self._remedy()}"
            ) from problem

    def _remedy(self) -> str:
        own = "in a protocol of your own, name a file as `weights`"
        if self._spec.source != "torchvision":
            return own
        published = torchvision.models.get_model_weights(self._spec.architecture).__members__
        url = published[self._spec.weights or "DEFAULT"].url
        return f"put {url} into the folder `{FOLDER}` of {DATA_VARIABLE}; or, {own}"


SOURCES: Mapping[str, Any] = {"bundled": _bundled, "timm": _timm, "torchvision": _torchvision}
