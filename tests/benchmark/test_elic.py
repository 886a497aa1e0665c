"""ELIC: the public checkpoints' layout, the public code's results, and the bitstream."""

import re
from pathlib import Path

import pytest
import torch
from compressai.models.sensetime import Elic2022Chandelier
from torch import Tensor

from benchmark.api.learned import Elic
from benchmark.codecs.elic import ElicCodec, ElicModel, Widths, model_of, renamed
from benchmark.errors import CallError, DataError, UnknownNameError
from tests.planted import picture, wave, weights

Shapes = dict[str, tuple[int, ...]]
SMALL = (8, (4, 4, 6))
PUBLIC = (192, (16, 16, 32, 64, 192))


def layer(name: str, *weight: int, out: int | None = None) -> Shapes:
    return {f"{name}.weight": weight, f"{name}.bias": (out or weight[0],)}


def down(name: str, before: int, after: int) -> Shapes:
    return layer(name, after, before, 5, 5)


def up(name: str, before: int, after: int) -> Shapes:
    return layer(name, before, after, 5, 5, out=after)


def bottleneck(names: tuple[str, str, str], n: int) -> Shapes:
    half = n // 2
    return (
        layer(names[0], half, n, 1, 1)
        | layer(names[1], half, half, 3, 3)
        | layer(names[2], n, half, 1, 1)
    )


def residual(name: str, n: int) -> Shapes:
    return bottleneck((f"{name}.conv1", f"{name}.conv2", f"{name}.conv3"), n)


def attention(name: str, n: int) -> Shapes:
    shapes = layer(f"{name}.conv_b.3", n, n, 1, 1)
    for branch in ("conv_a", "conv_b"):
        for i in range(3):
            unit = f"{name}.{branch}.{i}.conv"
            shapes |= bottleneck((f"{unit}.0", f"{unit}.2", f"{unit}.4"), n)
    return shapes


def public_shapes(n: int, groups: tuple[int, ...]) -> Shapes:
    """Every parameter of the public TestModel, written down from its code, not from ours."""
    m = sum(groups)
    shapes = down("g_a.0", 3, n) | down("g_a.4", n, n) | down("g_a.9", n, n) | down("g_a.13", n, m)
    shapes |= attention("g_a.8", n) | attention("g_a.14", m)
    shapes |= up("g_s.1", m, n) | up("g_s.5", n, n) | up("g_s.10", n, n) | up("g_s.14", n, 3)
    shapes |= attention("g_s.0", m) | attention("g_s.6", n)
    for i in (1, 2, 3, 5, 6, 7, 10, 11, 12):
        shapes |= residual(f"g_a.{i}", n)
    for i in (2, 3, 4, 7, 8, 9, 11, 12, 13):
        shapes |= residual(f"g_s.{i}", n)
    shapes |= layer("h_a.0", n, m, 3, 3) | down("h_a.2", n, n) | down("h_a.4", n, n)
    shapes |= up("h_s.0", n, n) | up("h_s.2", n, n * 3 // 2)
    shapes |= layer("h_s.4", 2 * m, n * 3 // 2, 3, 3)
    for i, group in enumerate(groups):
        shapes |= down(f"context_prediction.{i}", group, 2 * group)
        known = 2 * group if i == 0 else 4 * group
        shapes |= layer(f"ParamAggregation.{i}.0", 2 * m, known + 2 * m, 1, 1)
        shapes |= layer(f"ParamAggregation.{i}.2", 512, 2 * m, 1, 1)
        shapes |= layer(f"ParamAggregation.{i}.4", 2 * group, 512, 1, 1)
    for i, group in enumerate(groups[1:]):
        before = groups[0] + (groups[i] if i > 0 else 0)
        shapes |= down(f"cc_transforms.{i}.0", before, 224)
        shapes |= down(f"cc_transforms.{i}.2", 224, 128)
        shapes |= down(f"cc_transforms.{i}.4", 128, 2 * group)
    widths = (1, 3, 3, 3, 3, 1)
    for k in range(5):
        shapes[f"entropy_bottleneck._matrix{k}"] = (n, widths[k + 1], widths[k])
        shapes[f"entropy_bottleneck._bias{k}"] = (n, widths[k + 1], 1)
        if k < 4:
            shapes[f"entropy_bottleneck._factor{k}"] = (n, widths[k + 1], 1)
    return shapes | {"entropy_bottleneck.quantiles": (n, 1, 3)}


def tables(n: int, groups: tuple[int, ...]) -> dict[str, Tensor]:
    """What a public checkpoint holds beside the parameters, after `update()`."""
    both = {"_offset": n, "_quantized_cdf": 2 * n, "_cdf_length": n}
    sizes = {f"entropy_bottleneck.{name}": size for name, size in both.items()}
    sizes |= {f"gaussian_conditional.{name}": size for name, size in both.items()}
    sizes |= {"entropy_bottleneck.target": 3, "gaussian_conditional.scale_table": 64}
    sizes |= {"gaussian_conditional.scale_bound": 1}
    for name in ("entropy_bottleneck.likelihood", "gaussian_conditional.likelihood"):
        sizes[f"{name}_lower_bound.bound"] = 1
    sizes["gaussian_conditional.lower_bound_scale.bound"] = 1
    masks = {
        f"context_prediction.{i}.mask": torch.ones(2 * group, group, 5, 5)
        for i, group in enumerate(groups)
    }
    return {name: torch.zeros(size) for name, size in sizes.items()} | masks


def planted(n: int, groups: tuple[int, ...]) -> dict[str, Tensor]:
    """Weights by the public names, under which all latents are alive."""
    made = {}
    for name, shape in public_shapes(n, groups).items():
        if "._matrix" in name:
            made[name] = wave(name, shape) / 2 - 1
        elif name.endswith("quantiles"):
            made[name] = torch.tensor([-40.0, 0.0, 40.0]) + wave(name, shape)
        else:
            made[name] = weights(name, shape)
    factors = {"g_a.13": 30.0, "g_s.14": 0.05, "h_a.4": 4.0}
    factors |= {f"cc_transforms.{i}.4": 0.5 for i in range(len(groups) - 1)}
    factors |= {f"ParamAggregation.{i}.4": 0.2 for i in range(len(groups))}
    for name, factor in factors.items():
        made[f"{name}.weight"] *= factor
    made["g_s.14.bias"] += 0.5
    for i, group in enumerate(groups):
        made[f"ParamAggregation.{i}.4.bias"][group:] += 3  # the scales
    return made


@pytest.fixture(scope="module")
def codec() -> ElicCodec:
    return ElicCodec(model_of(planted(*SMALL)))


def test_every_name_and_shape_of_the_public_checkpoints_fits() -> None:
    zero = torch.zeros(())
    given = {name: zero.expand(shape) for name, shape in public_shapes(*PUBLIC).items()}
    model = model_of(given | tables(*PUBLIC))
    assert model.made_as == Widths()
    count = sum(parameter.numel() for parameter in model.parameters())
    assert round(count / 1e6, 2) == 33.79
    with torch.device("meta"):
        theirs = Elic2022Chandelier()
    shapes = {name: parameter.shape for name, parameter in theirs.named_parameters()}
    assert {name: parameter.shape for name, parameter in model.named_parameters()} == shapes


PEER_PICTURE = """
  0.60522  0.74824  0.64670 -1.05537 -1.23017  0.94854  0.27040  1.14758 -0.33843  0.51415  0.53622
  1.45956  0.69267 -0.14772 -0.15372  1.30375  0.32346 -0.24165  0.41388 -0.41909  1.63636 -0.69864
  2.45795  1.53208  1.08270 -0.64165 -0.07042 -0.16441 -0.02293 -0.27812  0.45089 -0.37750  0.46946
  0.22655  0.44396  1.99878  2.53693 -0.05453  1.18159  0.14074  1.54732  0.38992  0.46883 -0.47113
  0.32077  1.11606  1.25092 -0.35298
"""


def test_pictures_and_bits_are_the_public_codes(codec: ElicCodec) -> None:
    """Figures: its TestModel (commit aa2521f), retyped for this, on these weights and picture."""
    with torch.no_grad():
        output = codec.model(picture(128, 192))
    bits = {key: float(-torch.log2(value).sum()) for key, value in output["likelihoods"].items()}
    assert bits == pytest.approx({"y": 4626.913, "z": 179.528}, rel=1e-4)
    expected = torch.tensor([float(value) for value in PEER_PICTURE.split()])
    given = output["x_hat"][0, :, ::40, ::50].flatten()
    torch.testing.assert_close(given, expected, rtol=0, atol=2e-4)


def _old_name(found: re.Match[str]) -> str:
    plural = {"matri": "matrices", "bias": "biases", "factor": "factors"}[found[1]]
    return f"._{plural}.{found[3]}"


def test_older_names_and_tables_make_the_same_model(codec: ElicCodec) -> None:
    given = planted(*SMALL) | tables(*SMALL)
    older = {
        "module." + re.sub(r"\._(matri|bias|factor)(x|)(\d)", _old_name, name): tensor
        for name, tensor in given.items()
    }
    assert "module.entropy_bottleneck._matrices.4" in older
    x = picture(64, 128)
    torch.testing.assert_close(model_of(older)(x)["x_hat"], codec.model(x)["x_hat"], rtol=0, atol=0)


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 63), (100, 190), (224, 224)])
def test_forward_is_the_round_trip(codec: ElicCodec, size: tuple[int, int]) -> None:
    x = picture(*size)
    with torch.no_grad():
        forward = codec.forward(x)
    decoded = codec.decompress(codec.compress(x), size)
    assert (forward - decoded).abs().max() <= 1 / 255
    assert size == (1, 1) or decoded.std() > 0.1


def test_one_string_decodes_to_what_compressais_many_do(codec: ElicCodec) -> None:
    x = picture(128, 192)
    model: ElicModel = codec.model
    with torch.no_grad():
        theirs = Elic2022Chandelier.compress(model, x)
        expected = Elic2022Chandelier.decompress(model, theirs["strings"], theirs["shape"])
        ours = model.compress(x)
        given = model.decompress(ours["strings"], ours["shape"])
    torch.testing.assert_close(given["x_hat"].clamp(0, 1), expected["x_hat"], rtol=0, atol=1e-4)
    sizes = [sum(len(string[0]) for string in one["strings"]) for one in (theirs, ours)]
    # Of six strings one is left, and a coder's state is 4 to 8 bytes.
    assert 5 * 4 <= sizes[0] - sizes[1] <= 5 * 8


def test_picture_and_bits_have_gradients(codec: ElicCodec) -> None:
    x = picture(64, 70).requires_grad_()
    for value in (codec.forward(x).square().sum(), codec.likelihood_bits(x).sum()):
        (gradient,) = torch.autograd.grad(value, x)
        assert (gradient != 0).float().mean() > 0.9


def test_bits_are_those_of_the_stream(codec: ElicCodec) -> None:
    x = picture(256, 256)
    with torch.no_grad():
        estimated = float(codec.likelihood_bits(x))
    real = 8 * len(codec.compress(x)[0])
    # Beside the latents: two coder states, size, lengths, checksum.
    assert estimated < real < 1.01 * estimated + 8 * (2 * 8 + 5 + 2 + 4)


def test_a_narrow_model_is_made_again_from_its_weights() -> None:
    torch.manual_seed(0)
    widths = Widths(channels=12, groups=(4, 8), context=(12, 10), aggregation=14)
    model = ElicModel(widths).eval()
    again = model_of(model.state_dict())
    assert again.made_as == widths
    x = picture(64, 128)
    torch.testing.assert_close(again(x)["x_hat"], model(x)["x_hat"], rtol=0, atol=0)
    assert sum(parameter.numel() for parameter in model.parameters()) < 100_000


def test_what_does_not_fit_is_named() -> None:
    given = planted(*SMALL)
    del given["h_s.2.bias"], given["entropy_bottleneck._factor1"]
    given["h_s.9.bias"] = torch.zeros(3)
    given["g_a.9.bias"] = torch.zeros(3)
    with pytest.raises(DataError) as problem:
        model_of(given, "elic.pth.tar")
    for part in (
        "elic.pth.tar does not fit ElicModel",
        "missing: latent_codec.hyper.entropy_bottleneck.factors.1, latent_codec.hyper.h_s.2.bias;",
        "unexpected: latent_codec.hyper.h_s.9.bias;",
        "g_a.9.bias (3,) instead of (8,)",
    ):
        assert part in str(problem.value)


def test_another_models_weights_are_refused() -> None:
    with pytest.raises(DataError, match=r"no tensor 'latent_codec.y.*', expected the state dict"):
        model_of({"encoder.weight": torch.zeros(3)})


def test_widths_must_make_sense() -> None:
    with pytest.raises(CallError, match="two groups or more"):
        ElicModel(Widths(groups=(8,)))


@pytest.fixture
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("nested", [False, True])
def test_a_public_file_is_read(weights_folder: Path, codec: ElicCodec, nested: bool) -> None:
    content = planted(*SMALL) | tables(*SMALL)
    path = weights_folder / "ELIC_0016_ft_3980_Plateau.pth.tar"
    torch.save({"epoch": 3980, "state_dict": content} if nested else content, path)
    read = Elic("0016")
    x = picture(64, 70)
    assert read.compress(x) == codec.compress(x)


def test_an_absent_file_says_where_it_comes_from(weights_folder: Path) -> None:
    with pytest.raises(DataError) as problem:
        Elic("0450")
    assert str(weights_folder / "ELIC_0450_ft_3980_Plateau.pth.tar") in str(problem.value)
    assert "drive.google.com/file/d/1uuKQJiozcBfgGMJ8CfM6lrXOZWv6RUDN" in str(problem.value)


def test_a_rate_that_is_none() -> None:
    with pytest.raises(UnknownNameError, match="unknown ELIC rate '016'; did you mean 0016"):
        Elic("016")


def test_names_of_our_own_stay() -> None:
    given = {"latent_codec.y.channel_context.y1.0.bias": torch.zeros(1)}
    assert renamed(given) == given
