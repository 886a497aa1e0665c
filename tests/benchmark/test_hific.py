"""HiFiC: the port's layout, its results, the bitstream, and the converter of its checkpoints."""

import argparse
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from benchmark.api.learned import Hific
from benchmark.codecs.hific import (
    HificCodec,
    HificModel,
    HyperlatentDensity,
    LogisticConditional,
    Shape,
)
from benchmark.codecs.hific_checkpoint import convert, load, main, model_of, save
from benchmark.codecs.hific_networks import reflected
from benchmark.errors import CallError, DataError, UnknownNameError
from tests.planted import picture, wave, weights

Shapes = dict[str, tuple[int, ...]]
FULL = Shape()
SMALL = Shape(filters=(8, 8, 12, 12, 16), latents=12, hyperlatents=10, blocks=2)
SETTINGS = {
    "likelihood_type": "gaussian",
    "normalize_input_image": True,
    "n_residual_blocks": 2,
    "use_latent_mixture_model": False,
    "sample_noise": False,
    "use_channel_norm": True,
    "image_dims": (3, 256, 256),
    "regime": "low",
    "target_rate_map": {"low": 0.14, "med": 0.3, "high": 0.45},
}


def layer(name: str, *weight: int, out: int | None = None) -> Shapes:
    return {f"{name}.weight": weight, f"{name}.bias": (out or weight[0],)}


def norm(name: str, channels: int) -> Shapes:
    return {f"{name}.gamma": (1, channels, 1, 1), f"{name}.beta": (1, channels, 1, 1)}


def port_shapes(shape: Shape) -> Shapes:
    """Every parameter of the port's three networks, written down from its code, not from ours."""
    f, c, n = shape.filters, shape.latents, shape.hyperlatents
    shapes = layer("Encoder.conv_block1.1", f[0], 3, 7, 7) | norm("Encoder.conv_block1.2", f[0])
    for i in range(2, 6):
        shapes |= layer(f"Encoder.conv_block{i}.1", f[i - 1], f[i - 2], 3, 3)
        shapes |= norm(f"Encoder.conv_block{i}.2", f[i - 1])
    shapes |= layer("Encoder.conv_block_out.1", c, f[4], 3, 3)
    shapes |= norm("Generator.conv_block_init.0", c) | norm("Generator.conv_block_init.3", f[4])
    shapes |= layer("Generator.conv_block_init.2", f[4], c, 3, 3)
    for i in range(shape.blocks):
        for j in (1, 2):
            shapes |= layer(f"Generator.resblock_{i}.conv{j}", f[4], f[4], 3, 3)
            shapes |= norm(f"Generator.resblock_{i}.norm{j}", f[4])
    for i in range(1, 5):
        block, after = f"Generator.upconv_block{i}", f[4 - i]
        shapes |= layer(f"{block}.0", f[5 - i], after, 3, 3, out=after) | norm(f"{block}.1", after)
    shapes |= layer("Generator.conv_block_out.1", 3, f[0], 7, 7)
    shapes |= layer("Hyperprior.analysis_net.conv1", n, c, 3, 3)
    for i in (2, 3):
        shapes |= layer(f"Hyperprior.analysis_net.conv{i}", n, n, 5, 5)
    for network in ("Hyperprior.synthesis_mu", "Hyperprior.synthesis_std"):
        shapes |= layer(f"{network}.conv1", n, n, 5, 5) | layer(f"{network}.conv2", n, n, 5, 5)
        shapes |= layer(f"{network}.conv3", n, c, 3, 3, out=c)
    widths = (1, 3, 3, 3, 1)
    for k in range(4):
        density = "Hyperprior.hyperlatent_likelihood"
        shapes[f"{density}.H_{k}"] = (n, widths[k + 1], widths[k])
        shapes[f"{density}.a_{k}"] = shapes[f"{density}.b_{k}"] = (n, widths[k + 1], 1)
    return shapes


def discriminator_shapes(latents: int) -> Shapes:
    """The port's discriminator, whose spectral norm keeps a vector or two of its own."""
    widths = (15, 64, 128, 256, 512)
    shapes = layer("context_conv", 12, latents, 3, 3) | layer("conv_out", 1, 512, 1, 1)
    for i in range(1, 5):
        shapes[f"conv{i}.weight_orig"] = (widths[i], widths[i - 1], 4, 4)
        shapes[f"conv{i}.bias"] = shapes[f"conv{i}.weight_u"] = (widths[i],)
        shapes[f"conv{i}.weight_v"] = (16 * widths[i - 1],)
    return {f"Discriminator.{name}": shape for name, shape in shapes.items()}


def planted(shape: Shape) -> dict[str, Tensor]:
    """Weights by the port's names, under which all latents are alive."""
    made = {}
    for name, size in port_shapes(shape).items():
        if name.endswith(".gamma"):
            made[name] = 1 + wave(name, size) / 4
        elif ".H_" in name:
            made[name] = wave(name, size) / 2 - 1
        else:
            made[name] = weights(name, size)
    made["Encoder.conv_block_out.1.weight"] *= 6
    made["Hyperprior.analysis_net.conv3.weight"] *= 4
    made["Hyperprior.synthesis_std.conv3.weight"] *= 0.3
    made["Hyperprior.synthesis_std.conv3.bias"] += 3
    if not shape.normalized:
        made["Generator.conv_block_out.1.weight"] *= 0.3
        made["Generator.conv_block_out.1.bias"] += 0.5
    return made


def codec_of(likelihood: str, normalized: bool) -> HificCodec:
    shape = Shape(**{**vars(SMALL), "likelihood": likelihood, "normalized": normalized})
    return HificCodec(model_of(planted(shape), likelihood, normalized))


@pytest.fixture(scope="module")
def codec() -> HificCodec:
    return codec_of("gaussian", True)


def numel(shapes: Shapes) -> int:
    return sum(int(np.prod(shape)) for shape in shapes.values())


def test_every_name_and_shape_of_the_public_checkpoints_fits() -> None:
    with torch.device("meta"):
        model = HificModel(FULL)
        names = {name.replace("matrices.", "H_"): p for name, p in model.named_parameters()}
    given = {
        name.replace("biases.", "b_").replace("factors.", "a_"): tuple(parameter.shape)
        for name, parameter in names.items()
    }
    assert given == port_shapes(FULL)
    assert numel(given) == 181_475_663


def test_with_its_discriminator_the_model_has_the_published_size() -> None:
    """737 MB in fp32, says the port's documentation."""
    trained = {
        name: shape
        for name, shape in discriminator_shapes(FULL.latents).items()
        if not name.endswith(("_u", "_v"))
    }
    assert round(4 * (numel(port_shapes(FULL)) + numel(trained)) / 1e6) == 737


PEER_RESULTS = {
    ("gaussian", True): (
        {"y": 4600.023, "z": 231.6997},
        """
        0.255841 0.542721 0.104401 0.068321 0.097414 0.476535 0.174262 0.272153 0.444837
        0.431836 0.682797 0.254604 0.128118 0.194113 0.609462 0.345782 0.434628 0.770148
        0.543365 0.704034 0.443068 0.209098 0.310062 0.630661 0.496961 0.527726 0.888995
        """,
    ),
    ("logistic", False): (
        {"y": 4923.892, "z": 245.8374},
        """
        0.120037 0.059740 0.000000 0.012071 0.513610 0.171786 0.026266 0.216716 0.187438
        0.482718 0.296153 0.405138 0.365982 0.750371 0.545201 0.452490 0.520488 0.544238
        0.655544 0.369656 0.634107 0.546897 0.758620 0.719736 0.693225 0.628949 0.702298
        """,
    ),
}


@pytest.mark.parametrize("settings", PEER_RESULTS)
def test_pictures_and_bits_are_the_ports(settings: tuple[str, bool]) -> None:
    """Figures: the port's modules, retyped with these widths, on these weights and picture."""
    made, (bits, values) = codec_of(*settings), PEER_RESULTS[settings]
    with torch.no_grad():
        output = made._output(picture(96, 133))
        given = made.forward(picture(96, 133))[0, :, ::40, ::50].flatten()
    found = {key: float(-torch.log2(value).sum()) for key, value in output["likelihoods"].items()}
    assert found == pytest.approx(bits, rel=1e-4)
    expected = torch.tensor([float(value) for value in values.split()])
    torch.testing.assert_close(given, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("settings", PEER_RESULTS)
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 33), (65, 64), (100, 190), (224, 224)])
def test_forward_is_the_round_trip(settings: tuple[str, bool], size: tuple[int, int]) -> None:
    made, x = codec_of(*settings), picture(*size)
    with torch.no_grad():
        forward = made.forward(x)
    decoded = made.decompress(made.compress(x), size)
    assert (forward - decoded).abs().max() <= 1 / 255
    assert size == (1, 1) or decoded.std() > 0.1


def test_picture_and_bits_have_gradients(codec: HificCodec) -> None:
    x = picture(64, 70).requires_grad_()
    for value in (codec.forward(x).square().sum(), codec.likelihood_bits(x).sum()):
        (gradient,) = torch.autograd.grad(value, x)
        assert (gradient != 0).float().mean() > 0.9


def test_every_parameter_can_be_trained() -> None:
    model = model_of(planted(SMALL), "gaussian", True).train()
    torch.manual_seed(0)
    output = model(picture(64, 64))
    bits = sum(-torch.log2(value).sum() for value in output["likelihoods"].values())
    (output["x_hat"].square().sum() + bits).backward()
    assert all((parameter.grad != 0).any() for parameter in model.parameters())


@pytest.mark.parametrize("settings", PEER_RESULTS)
def test_bits_are_those_of_the_stream(settings: tuple[str, bool]) -> None:
    made, x = codec_of(*settings), picture(80, 200)
    with torch.no_grad():
        estimated = float(made.likelihood_bits(x))
    real = 8 * len(made.compress(x)[0])
    # Beside the latents: two coder states, size, lengths, checksum.
    assert estimated < real < 1.01 * estimated + 8 * (2 * 8 + 5 + 2 + 4)


def test_the_density_is_one_in_all_and_its_median_is_left_alone() -> None:
    density = HyperlatentDensity(4).eval()
    with torch.no_grad():
        for name, parameter in density.named_parameters():
            parameter.copy_(wave(name, tuple(parameter.shape)))
        places = torch.arange(-300.0, 301.0).view(1, 1, 1, -1).expand(1, 4, 1, -1)
        rounded, likelihoods = density(places + 0.4)
    torch.testing.assert_close(rounded, places)
    torch.testing.assert_close(likelihoods.sum(-1).flatten(), torch.ones(4), rtol=0, atol=1e-4)


def test_a_far_tail_keeps_its_digits() -> None:
    """Against the same sum in double precision, where sigmoid(20) is not yet 1."""
    density = HyperlatentDensity(1).eval()
    place = torch.tensor([[[60.0]]])
    with torch.no_grad():
        given = density._likelihood(place)[0]
        exact = density.double()._likelihood(place.double())[0]
    assert 1e-9 < float(exact) < 1e-3
    assert float(given) == pytest.approx(float(exact), rel=1e-3)


def test_logistic_likelihoods_and_tables() -> None:
    conditional = LogisticConditional().eval()
    symbols = torch.arange(-6.0, 7.0)
    likelihood = conditional(symbols, torch.full((13,), 2.0))[1]
    cumulative = scipy.stats.logistic(scale=2).cdf
    expected = cumulative(symbols.numpy() + 0.5) - cumulative(symbols.numpy() - 0.5)
    np.testing.assert_allclose(likelihood.numpy(), expected, rtol=1e-4)
    conditional.update_scale_table([2.0])
    table = conditional.quantized_cdf[0, : int(conditional.cdf_length[0])].numpy() / 2**16
    center = -int(conditional.offset[0])
    np.testing.assert_allclose(np.diff(table)[center - 6 : center + 7], expected, atol=2e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (4, 7)])
def test_reflection_is_numpys(size: tuple[int, int]) -> None:
    x = wave("reflected", (2, 3, *size))
    given = reflected(x, 1, 5, 2, 6)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (2, 6), (1, 5)), mode="reflect")
    np.testing.assert_array_equal(given.numpy(), expected)


def test_shapes_must_make_sense() -> None:
    with pytest.raises(CallError, match="five widths"):
        HificModel(Shape(filters=(8, 8)))
    with pytest.raises(CallError, match="likelihood 'laplace': expected gaussian, logistic"):
        HificModel(Shape(likelihood="laplace"))


def checkpoint(shape: Shape = SMALL, **settings: object) -> dict[str, object]:
    """What the port saves after training with a discriminator."""
    others = {n: torch.zeros(s) for n, s in discriminator_shapes(shape.latents).items()}
    adam = {"state": {0: {"step": 7, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
    return {
        "model_state_dict": planted(shape) | others,
        "compression_optimizer_state_dict": adam,
        "hyperprior_optimizer_state_dict": adam,
        "discriminator_state_dict": others,
        "discriminator_optimizer_state_dict": adam,
        "epoch": 4,
        "steps": 200_000,
        "args": SETTINGS | settings,
    }


def saved(content: object, folder: Path) -> Path:
    path = folder / "hific_low.pt"
    torch.save(content, path)
    return path


@pytest.mark.parametrize("container", [dict, argparse.Namespace])
def test_a_checkpoint_becomes_a_codec(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    codec: HificCodec,
    container: type,
) -> None:
    content = checkpoint()
    content["args"] = container(**content["args"])
    (tmp_path / "weights").mkdir()
    target = tmp_path / "weights" / "hific_low.safetensors"
    assert main([str(saved(content, tmp_path)), str(target)]) == 0
    count = numel(port_shapes(SMALL))
    assert f"{count:,} parameters, gaussian" in capsys.readouterr().out
    assert 4 * count < target.stat().st_size < 4 * count + 20_000  # no optimizer, no discriminator
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    x = picture(64, 70)
    assert Hific("low").compress(x) == codec.compress(x)


def test_settings_come_from_the_checkpoint(tmp_path: Path) -> None:
    """The public `med` is logistic and not normalized."""
    settings = {"likelihood_type": "logistic", "normalize_input_image": False}
    target = tmp_path / "out.safetensors"
    said = convert(saved(checkpoint(**settings), tmp_path), target)
    assert said.endswith("logistic likelihood, images in [0, 1]; left out: Discriminator")
    read = load(target).made_as
    assert (read.likelihood, read.normalized, read.filters) == ("logistic", False, SMALL.filters)


def test_a_model_is_saved_and_made_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = HificModel(SMALL).eval()
    save(model, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert again.made_as == SMALL
    x = picture(64, 64)
    torch.testing.assert_close(again(x)["x_hat"], model(x)["x_hat"], rtol=0, atol=0)


class Trap:
    """Unpickled as usual, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_code_in_a_checkpoint_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trap = tmp_path / "made"
    source = saved(checkpoint() | {"logger": Trap(trap)}, tmp_path)
    assert main([str(source), str(tmp_path / "out.safetensors")]) == 1
    said = capsys.readouterr().err
    assert "cannot be read without running code that it brings: it calls posix.mkdir" in said
    assert not trap.exists()
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sample_noise": True}, "sample_noise True, which is not built here"),
        ({"use_channel_norm": False}, "use_channel_norm False, which is not built here"),
        ({"normalize_input_image": None}, "normalize_input_image None, expected a bool"),
        ({"n_residual_blocks": 9}, "2 residual blocks, expected the 9 that its settings say"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        convert(saved(checkpoint(**settings), tmp_path), tmp_path / "out.safetensors")


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    content = checkpoint()
    state = content["model_state_dict"]
    assert isinstance(state, dict)
    del state["Hyperprior.hyperlatent_likelihood.H_2"]
    state["Encoder.conv_block9.1.bias"] = torch.zeros(3)
    with pytest.raises(DataError) as problem:
        convert(saved(content, tmp_path), tmp_path / "out.safetensors")
    assert "missing: Hyperprior.hyperlatent_likelihood.matrices.2;" in str(problem.value)
    assert "unexpected: Encoder.conv_block9.1.bias;" in str(problem.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"state_dict": {}, "epoch": 3}, "holds epoch, state_dict, expected `model_state_dict`"),
        ([1, 2], "holds a list, expected a checkpoint of the port"),
        ({"model_state_dict": {}, "args": SETTINGS}, "has no tensor 'Encoder.conv_block1"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        convert(saved(content, tmp_path), tmp_path / "out.safetensors")


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    path = saved(checkpoint(), tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="is no readable checkpoint"):
        convert(path, tmp_path / "out.safetensors")
    with pytest.raises(DataError, match="is no readable safetensors file"):
        load(path)


def test_an_absent_file_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    with pytest.raises(DataError) as problem:
        Hific("high")
    said = str(problem.value)
    assert str(tmp_path / "weights" / "hific_hi.safetensors") in said
    assert "fetch hific_hi.pt from https://zenodo.org/record/4026003 and convert it" in said
    with pytest.raises(UnknownNameError, match="unknown HiFiC rate 'hi'; did you mean high"):
        Hific("hi")
