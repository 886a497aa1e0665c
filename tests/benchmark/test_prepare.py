"""Preparing a classifier for crafting changes its cost, not its function."""

import copy
from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from benchmark import classifiers
from benchmark.classifiers import LoadedClassifier, NormalizedClassifier, Recipe
from benchmark.loss import loss_gradient
from benchmark.precision import crafting_dtype
from benchmark.prepare import prepare
from benchmark.protocol import ClassifierSpec

RECIPE = Recipe(0, 64, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CPU = torch.device("cpu")


def pictures(n: int, side: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (n, 3, side, side), generator=generator) / 255


def with_statistics(network: nn.Module) -> nn.Module:
    """`network` with batch norms as training leaves them: no mean is 0, no scale 1."""
    generator = torch.Generator().manual_seed(1)

    def drawn(like: Tensor, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(like.shape, generator=generator)

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = drawn(module.running_mean, -0.3, 0.3)
            module.running_var = drawn(module.running_var, 0.7, 2)
            module.weight.data = drawn(module.weight, 0.2, 0.8)
            module.bias.data = drawn(module.bias, -0.2, 0.2)
    return network.eval().requires_grad_(False)


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def agree(prepared: nn.Module, model: nn.Module, x: Tensor) -> None:
    """Logits and gradients are the same but for rounding."""
    y = torch.arange(len(x)) % 10
    found, found_logits = loss_gradient(prepared, x, y)
    gradient, logits = loss_gradient(model, x, y)
    torch.testing.assert_close(found_logits, logits, rtol=1e-3, atol=1e-3 * float(logits.std()))
    size = gradient.flatten(1).norm(dim=1)
    assert ((found - gradient).flatten(1).norm(dim=1) <= 2e-3 * size).all()
    assert found.is_contiguous()


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "torchvision resnet18": lambda: torchvision.models.resnet18(num_classes=10),
    "torchvision resnet50": lambda: torchvision.models.resnet50(num_classes=10),
    "timm resnet26": lambda: timm.create_model("resnet26", num_classes=10),
    "timm resnet26d": lambda: timm.create_model("resnet26d", num_classes=10),
    "timm mobilenetv2_100": lambda: timm.create_model("mobilenetv2_100", num_classes=10),
    "same padding": lambda: timm.create_model("mobilenetv2_100", num_classes=10, pad_type="same"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_batch_norm_is_folded(name: str) -> None:
    torch.manual_seed(0)
    model = NormalizedClassifier(with_statistics(NETWORKS[name]()), RECIPE, (0, 3, *range(8)))
    before, x = copy.deepcopy(model.state_dict()), pictures(3)
    prepared = prepare(model, x[:2], dtype=torch.float32)
    assert norms(model) > 0
    assert norms(prepared) == 0
    assert not any(p.requires_grad for p in prepared.parameters())
    agree(prepared, model, x)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("architecture", ["mini-resnet", "mini-vit"])
def test_the_bundled_classifiers(architecture: str) -> None:
    spec = ClassifierSpec(name="c", source="bundled", architecture=architecture)
    model = classifiers.load(spec).model
    x = pictures(4)
    prepared = prepare(model, x[:2], dtype=torch.float32)
    assert norms(prepared) == 0
    agree(prepared, model, x)


@pytest.mark.parametrize(
    ("options", "short"),
    [({}, True), ({"global_pool": "avg"}, False), ({"qk_norm": True, "init_values": 0.3}, True)],
)
def test_the_last_block_of_a_transformer(options: dict[str, object], short: bool) -> None:
    """It is computed for the class token alone, where nothing else is read."""
    torch.manual_seed(0)
    network = timm.create_model(
        "vit_tiny_patch16_224", img_size=64, depth=3, num_classes=10, **options
    )
    model = NormalizedClassifier(network.eval().requires_grad_(False), RECIPE, None)
    nn.init.normal_(network.head.weight, std=0.5)
    x = pictures(2)
    prepared = prepare(model, x, dtype=torch.float32)
    agree(prepared, model, x)
    tokens: list[int] = []
    prepared.network.norm.register_forward_hook(lambda _, __, out: tokens.append(out.shape[1]))
    prepared.network.fc_norm.register_forward_hook(lambda _, __, out: tokens.append(out.ndim))
    prepared(x)
    assert (tokens[0] == 1) is short


@pytest.mark.parametrize(
    "geometry", [(7, 2, 3), (16, 16, 0), (3, 2, 1), (4, 4, 0), (5, 3, 2), (2, 3, 0)], ids=str
)
@pytest.mark.parametrize("sides", [(64, 64), (47, 33)])
def test_the_first_stride_is_unrolled(
    geometry: tuple[int, int, int], sides: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, *geometry)
    model = nn.Sequential(conv, nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten()).eval()
    x = pictures(2)[:, :, : sides[0], : sides[1]].contiguous()
    prepared = prepare(model, x, dtype=torch.float32)
    assert type(prepared.network[0]) is not nn.Conv2d
    agree(prepared, model, x)


class ReadTwice(nn.Module):
    """The convolution feeds the batch norm and something else."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return (self.bn(out).relu() + out).mean((2, 3))


class NormFirst(nn.Module):
    """The batch norm stands before the convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.bn, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.bn(x)).relu().mean((2, 3))


class CalledTwice(nn.Module):
    """One convolution serves twice, with another batch norm each time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.first, self.second = (
            nn.Conv2d(3, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.BatchNorm2d(3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.conv(self.first(self.conv(x)).relu())).mean((2, 3))


class Detached(nn.Module):
    """A second reader that autograd's graph does not show: only the example tells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return (self.bn(out).relu() + out.detach()).mean((2, 3))


@pytest.mark.parametrize("made", [ReadTwice, NormFirst, CalledTwice, Detached])
def test_what_cannot_be_folded_is_left_alone(made: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = with_statistics(made())
    x = pictures(3)
    prepared = prepare(model, x, dtype=torch.float32)
    assert norms(prepared) == norms(model)
    agree(prepared, model, x)


def test_bf16_follows_the_gradient(mini_resnet: LoadedClassifier) -> None:
    x = pictures(8)
    y = mini_resnet.model(x).argmax(1)
    prepared = prepare(mini_resnet.model, x[:2], dtype=torch.bfloat16)
    assert prepared.dtype is torch.bfloat16
    found, found_logits = loss_gradient(prepared, x, y)
    gradient, logits = loss_gradient(mini_resnet.model, x, y)
    assert found.dtype is found_logits.dtype is torch.float32
    cosine = functional.cosine_similarity(found.flatten(1), gradient.flatten(1))
    assert cosine.min() > 0.95
    assert (found_logits - logits).abs().max() < prepared.uncertainty < 0.1 * logits.abs().max()


def test_bf16_sees_a_single_grey_level(mini_resnet: LoadedClassifier) -> None:
    """The first layer gets whole grey levels, which 8 bits of mantissa hold without loss."""
    prepared = prepare(mini_resnet.model, pictures(2), dtype=torch.bfloat16)
    levels = torch.arange(256).float().view(1, 1, 16, 16).expand(1, 3, 16, 16)
    seen = prepared.scale * (levels / 255) + prepared.shift
    rounded = seen.round()
    torch.testing.assert_close(seen, rounded, rtol=0, atol=1e-4)
    assert torch.equal(rounded.bfloat16().float(), rounded)


class Fp32Alone(nn.Module):
    """A network that insists on fp32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.float()).mean((2, 3))


def test_a_network_without_bf16_stays_in_fp32() -> None:
    model = Fp32Alone().eval()
    x = pictures(2)
    prepared = prepare(model, x, dtype=torch.bfloat16)
    assert prepared.dtype is torch.float32
    agree(prepared, model, x)


def test_crafting_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert crafting_dtype(CPU) is torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert crafting_dtype(CPU) is torch.float32


@pytest.mark.gpu
def test_on_a_gpu(mini_resnet: LoadedClassifier) -> None:
    device = torch.device("cuda")
    model, x = copy.deepcopy(mini_resnet.model).to(device), pictures(4).to(device)
    y = model(x).argmax(1)
    gradient, _ = loss_gradient(model, x, y)
    for dtype, least in ((torch.float32, 0.999), (crafting_dtype(device), 0.95)):
        found, _ = loss_gradient(prepare(model, x[:2], dtype=dtype), x, y)
        assert functional.cosine_similarity(found.flatten(1), gradient.flatten(1)).min() > least


@pytest.mark.parametrize("images", [1, 2, 3, 5])
def test_a_batch_above_what_memory_serves_well_goes_through_in_parts(
    images: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.prepare.AT_ONCE", 2 * 64 * 64)
    model = NormalizedClassifier(
        with_statistics(torchvision.models.resnet18(num_classes=10)), RECIPE, None
    )
    prepared = prepare(model, pictures(2), dtype=torch.float32)
    passes: list[int] = []
    prepared.network.register_forward_hook(lambda _, inputs, __: passes.append(len(inputs[0])))
    agree(prepared, model, pictures(images))
    assert sum(passes) == images
    assert max(passes) <= 2
