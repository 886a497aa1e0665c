"""Classifiers: recipes, weights from files, and what a wrong one says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from benchmark import classifiers
from benchmark.attacks import ATTACKS
from benchmark.classifiers import Recipe, bundled
from benchmark.datasets import find
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.geometry import from_bytes
from benchmark.protocol import ClassifierSpec, DatasetSpec, RecipeSpec
from benchmark.threat import Budget, Norm, ThreatModel

PHOTO = Image.radial_gradient("L").resize((300, 260)).convert("RGB")


def spec(**given: object) -> ClassifierSpec:
    return ClassifierSpec.model_validate({"name": "c", "source": "timm"} | given)


@pytest.mark.parametrize("name", sorted(bundled.ARCHITECTURES))
def test_bundled_classifiers_are_small_right_and_fragile(name: str) -> None:
    """At most 1.5 M parameters, at least 97 % right, at most 5 % under PGD at k = 8."""
    loaded = classifiers.load(spec(source="bundled", architecture=name))
    assert sum(p.numel() for p in loaded.model.parameters()) <= 1_500_000
    pictures = find(DatasetSpec(name="shapes"))
    assert pictures.labels is not None
    x = from_bytes(
        torch.stack([loaded.recipe.prepare(pictures.read(i), "") for i in range(len(pictures))])
    )
    y = torch.tensor(pictures.labels)
    with torch.no_grad():
        right = torch.cat([loaded.model(part).argmax(1) for part in x.split(250)]) == y
    assert right.float().mean() >= 0.97
    x, y = x[:100], y[:100]
    x_adv = ATTACKS["pgd"](loaded.model, x, y, Budget(ThreatModel(Norm.LINF, 8), steps=10))
    assert (loaded.model(x_adv).argmax(1) == y).float().mean() <= 0.05


@pytest.mark.parametrize("name", sorted(bundled.ARCHITECTURES))
def test_bundled_weights_come_with_their_log(name: str) -> None:
    log = (bundled.WEIGHTS / f"{name}.log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["development_accuracy"] >= 0.97
    content = (bundled.WEIGHTS / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == bundled.SHA256[name]


def test_recipe_is_torchvisions_preset() -> None:
    """Resize, crop and normalize to the same input as the weights' own transform, to 8 bits."""
    weights = torchvision.models.ResNet50_Weights.IMAGENET1K_V2
    own = weights.transforms(antialias=True)
    recipe = Recipe(232, 224, "bilinear", tuple(own.mean), tuple(own.std))
    x = from_bytes(recipe.prepare(np.asarray(PHOTO), "p")[None])
    normalized = (x[0] - torch.tensor(recipe.mean).view(3, 1, 1)) / torch.tensor(recipe.std).view(
        3, 1, 1
    )
    torch.testing.assert_close(normalized, own(PHOTO), rtol=0, atol=1e-5)


def test_recipes_of_the_protocols_pair(tmp_path: Path) -> None:
    """ResNet-50 V2: 232, 224. ViT-B/16 V1: 256, 224. Random weights of those shapes, by file."""
    for architecture, resize in (("resnet50", 232), ("vit_b_16", 256)):
        torch.manual_seed(0)
        network = torchvision.models.get_model(architecture, weights=None)
        torch.save(network.state_dict(), tmp_path / "w.pth")
        loaded = classifiers.load(
            spec(
                source="torchvision",
                architecture=architecture,
                weights=str(tmp_path / "w.pth"),
                classes=(0, 217, 999),
                recipe={"resize": resize},
            )
        )
        assert (loaded.recipe.resize, loaded.recipe.crop) == (resize, 224)
        assert loaded.recipe.mean == pytest.approx((0.485, 0.456, 0.406))
        x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        mean, std = torch.tensor(loaded.recipe.mean), torch.tensor(loaded.recipe.std)
        bare = network.eval()((x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))
        # Another memory layout adds in another order, which a deep network's last bits show.
        torch.testing.assert_close(loaded.model(x), bare[:, [0, 217, 999]], rtol=1e-4, atol=1e-4)
        assert loaded.numbers == (0, 217, 999)


def test_published_weights_have_the_recipe_of_their_own_version() -> None:
    known = torchvision.models.get_model_weights("resnet50").__members__
    assert known["IMAGENET1K_V2"].transforms().resize_size == [232]
    assert torchvision.models.get_model_weights("vit_b_16")[
        "IMAGENET1K_V1"
    ].transforms().resize_size == [256]


@pytest.mark.parametrize("wrapped", [True, False])
def test_weights_from_files(tmp_path: Path, wrapped: bool) -> None:
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", num_classes=7).eval()
    weights = network.state_dict()
    if wrapped:
        path = tmp_path / "w.pth"
        torch.save({"state_dict": {f"module.{k}": v for k, v in weights.items()}}, path)
    else:
        path = tmp_path / "w.safetensors"
        save_file(weights, path)
    loaded = classifiers.load(
        spec(architecture="resnet10t", weights=str(path), options={"num_classes": 7})
    )
    mean, std = torch.tensor(loaded.recipe.mean), torch.tensor(loaded.recipe.std)
    x = torch.rand(2, 3, 64, 64)
    expected = network((x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))
    torch.testing.assert_close(loaded.model(x), expected)
    assert len(loaded.numbers) == 7


def test_identity_depends_on_weights_recipe_and_classes(tmp_path: Path) -> None:
    def identity(seed: int, **given: object) -> str:
        torch.manual_seed(seed)
        network = timm.create_model("resnet10t", num_classes=7)
        save_file(network.state_dict(), tmp_path / "w.safetensors")
        made = spec(
            architecture="resnet10t",
            weights=str(tmp_path / "w.safetensors"),
            options={"num_classes": 7},
            **given,
        )
        return classifiers.load(made).identity

    same = identity(0)
    assert identity(0) == same
    assert (
        len({same, identity(1), identity(0, recipe={"crop": 96}), identity(0, classes=(1, 2))}) == 4
    )


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"architecture": "resnet51"}, UnknownNameError, "unknown timm model 'resnet51'; did you"),
        (
            {"source": "torchvision", "architecture": "resnet_50"},
            UnknownNameError,
            r"did you mean \w*resnet50",
        ),
        (
            {"source": "torchvision", "architecture": "resnet50", "weights": "V3"},
            UnknownNameError,
            "unknown weights of resnet50 'V3'",
        ),
        (
            {"source": "bundled", "architecture": "mini-vitt"},
            UnknownNameError,
            r"did you mean mini-vit\?",
        ),
        (
            {"architecture": "resnet10t", "weights": "none.safetensors"},
            DataError,
            r"none\.safetensors is missing: looked for",
        ),
        (
            {"architecture": "resnet10t", "options": {"no_such_option": 1}, "weights": "W"},
            CallError,
            "no_such_option",
        ),
        ({"architecture": "resnet10t"}, DataError, "are not on this machine and could not be"),
        (
            {"source": "bundled", "architecture": "mini-resnet", "classes": (3, 10)},
            CallError,
            "expected numbers from 0 to 9",
        ),
    ],
)
def test_what_a_wrong_spec_says(
    tmp_path: Path, given: dict[str, object], error: type[Exception], message: str
) -> None:
    if given.get("weights") == "W":
        given["weights"] = str(tmp_path / "w.safetensors")
        save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(error, match=message):
        classifiers.load(spec(**given))


def test_wrong_weight_files(tmp_path: Path) -> None:
    def load(name: str, **given: object) -> None:
        path = str(tmp_path / name)
        classifiers.load(spec(architecture="resnet10t", weights=path, **given))

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(
        DataError, match=r"other\.safetensors does not fit resnet10t: .*Missing key"
    ):
        load("other.safetensors")
    with pytest.raises(DataError, match=r"has sha256 .*…, expected 0000.*; fetch the file again"):
        load("other.safetensors", sha256="0" * 64)
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "other.safetensors").read_bytes()[:20])
    with pytest.raises(DataError, match=r"cut\.safetensors is no readable weight file"):
        load("cut.safetensors")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(DataError, match=r"text\.pth is no readable weight file"):
        load("text.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match="holds no state dict"):
        load("list.pth")


def test_a_picture_smaller_than_the_crop_is_named() -> None:
    recipe = Recipe(0, 64, "bilinear", (0.5,) * 3, (0.5,) * 3)
    with pytest.raises(DataError, match="picture small is 50x40 pixels before the crop, expected"):
        recipe.prepare(np.zeros((40, 50, 3), dtype=np.uint8), "small")


def test_an_overridden_recipe() -> None:
    given = RecipeSpec(crop=32, mean=(0.1, 0.2, 0.3))
    loaded = classifiers.load(spec(source="bundled", architecture="mini-resnet", recipe=given))
    assert (loaded.recipe.crop, loaded.recipe.mean) == (32, (0.1, 0.2, 0.3))


def test_published_weights_may_lie_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    published = torchvision.models.get_model_weights("squeezenet1_1")["DEFAULT"]
    name = published.url.rsplit("/", 1)[-1]
    (tmp_path / "weights").mkdir()
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "weights" / name)
    wanted = spec(source="torchvision", architecture="squeezenet1_1")
    with pytest.raises(DataError, match="expected b8a52dc0 at its beginning; put the right file"):
        classifiers.load(wanted)
    file = tmp_path / "weights" / name
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    right = file.rename(file.with_name(f"net-{digest[:8]}.pth")).name
    classifiers._hand_over(f"https://example.org/{right}")
    handed = tmp_path / "torch" / "hub" / "checkpoints" / right
    assert handed.read_bytes() == (tmp_path / "weights" / right).read_bytes()

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "urlopen", offline)
    with pytest.raises(DataError, match=f"put https://.*{name} into the folder `weights` of SQUEE"):
        classifiers.load(wanted)
