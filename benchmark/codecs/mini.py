"""The small learned codecs that come with the project, trained by `benchmark.codecs.train`.

Stored in half precision, computed in single: a stream depends on the rounded weights alone.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from compressai.models import CompressionModel, MeanScaleHyperprior  # type: ignore[import-untyped]
from compressai.models.utils import conv, deconv  # type: ignore[import-untyped]
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmark.codecs.elic import ElicCodec, ElicModel, Widths
from benchmark.codecs.hific import HificCodec, HificModel, Shape
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.parameters import fill
from benchmark.codecs.steps import all_decoded, all_encoded
from benchmark.codecs.train.recipes import recipe_of
from benchmark.errors import UnknownNameError
from benchmark.tensors import Images
from benchmark.weights import read_weights

WEIGHTS = Path(__file__).parent / "weights"


class MiniMeanScale(MeanScaleHyperprior):  # type: ignore[misc]
    """Minnen et al. 2018 (arXiv 1809.02736) with a hyperprior of stride 32 and few channels.

    The paper's hyperprior has stride 64, which doubles the side of a 32-pixel picture, and most of
    the weights of so narrow a model.
    """

    def __init__(self, channels: int, latents: int) -> None:
        super().__init__(channels, latents)
        self.h_a = nn.Sequential(
            conv(latents, channels, stride=1, kernel_size=3),
            nn.LeakyReLU(),
            conv(channels, channels),
        )
        self.h_s = nn.Sequential(
            deconv(channels, channels),
            nn.LeakyReLU(),
            conv(channels, 2 * latents, stride=1, kernel_size=3),
        )

    @property
    def downsampling_factor(self) -> int:
        """What a padded side is a multiple of."""
        return 32

    def compress(self, x: Images) -> dict[str, Any]:
        """Strings of the latents and the hyperlatents, of each image."""
        y = self.g_a(x)
        z = self.h_a(y)
        z_strings = self.entropy_bottleneck.compress(z)
        gaussians = self._gaussians(z_strings, z.shape[-2:])
        y_strings = all_encoded(self.gaussian_conditional, gaussians, y)
        return {"strings": [y_strings, z_strings], "shape": z.shape[-2:]}

    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int]) -> dict[str, Any]:
        """The reconstruction from the strings of each image."""
        y_strings, z_strings = strings
        gaussians = self._gaussians(z_strings, shape)
        return {"x_hat": self.g_s(all_decoded(self.gaussian_conditional, gaussians, y_strings))}

    def _gaussians(self, z_strings: list[bytes], shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The scales and means of all latents."""
        scales, means = self.h_s(self.entropy_bottleneck.decompress(z_strings, shape)).chunk(2, 1)
        return scales, means


FULL, HALF = 48, 24
LATENTS = {"low": 64, "medium": 96, "high": 192}


class Mini(NamedTuple):
    """How one of the bundled codecs is built at a rate, and the weights that there are."""

    model: Callable[[str], CompressionModel]
    codec: Callable[[CompressionModel], LearnedCodec]
    sha256: Mapping[str, str]


MINIS: Mapping[str, Mini] = {
    "mini-mbt2018-mean": Mini(
        lambda rate: MiniMeanScale(FULL, LATENTS[rate]),
        lambda model: LearnedCodec(model, model.downsampling_factor),
        {
            "low": "25c7669a03201b29246d1d7e18242a11e8f971ea6fc8aa47d90c17e604c99673",
            "medium": "9fd5dd8962c34ef166e159b4e64c1474e43c73e7766d91c030ac60372b3a4e83",
            "high": "582661f987cc6556e5f4485f0ab17c71bcb96eab43f154d2c2e39ef1d29a0ba2",
        },
    ),
    # Half of all channels, to see what a codec's size does to its vulnerability.
    "mini-mbt2018-mean-half": Mini(
        lambda rate: MiniMeanScale(HALF, LATENTS[rate] // 2),
        lambda model: LearnedCodec(model, model.downsampling_factor),
        {"high": "d5c4a14ab5fa577c519b90cf7cece81fb156de0bb8ab9d10e268a4947b7bf155"},
    ),
    "mini-elic": Mini(
        lambda _: ElicModel(Widths(32, (16, 24, 40), (32, 32), 64)),
        ElicCodec,
        {
            "medium": "5202f38ed63f05925d8db2695a649ded8ddd152de0417adcd5fb46efd958954b",
            "high": "7ae028604c710e98acfcb0cb77fbd547dc7ec5a45d614204f90d14776a7f4419",
        },
    ),
    "mini-hific": Mini(
        lambda _: HificModel(Shape((16, 24, 32, 48, 64), 32, 24, 3, normalized=False)),
        HificCodec,
        {
            "low": "1c646f7ec1472fddbb4375292387bb20d6326f804894551158ff19e554089fce",
            "medium": "afbf25227dab588146a571064ac10e4966c3ad245ceedeacb42f8cf720a612ea",
        },
    ),
}


def mini_of(name: str, rate: str) -> Mini:
    """The bundled codec `name`; an unknown name or rate is an error that lists those there are."""
    if name not in MINIS:
        raise UnknownNameError("bundled codec", name, MINIS)
    if rate not in MINIS[name].sha256:
        raise UnknownNameError(f"rate of {name}", rate, MINIS[name].sha256)
    return MINIS[name]


def weights_of(name: str, rate: str) -> Path:
    """Where the weights lie."""
    return WEIGHTS / f"{name}-{rate}.safetensors"


class MiniMbt2018Mean(LearnedCodec):
    """The bundled model of Minnen et al. 2018 with means and scales, without context."""

    bundled_as = "mini-mbt2018-mean"

    def __init__(self, rate: str) -> None:
        """`rate` is low, medium or high."""
        model = model_of(self.bundled_as, rate)
        super().__init__(model, model.downsampling_factor)
        self.trade_off = recipe_of(self.bundled_as, rate).weight


class MiniMbt2018MeanHalf(MiniMbt2018Mean):
    """The same with half of all channels, trained alike; its one rate is high."""

    bundled_as = "mini-mbt2018-mean-half"


class MiniElic(ElicCodec):
    """The bundled ELIC."""

    def __init__(self, rate: str) -> None:
        """`rate` is medium or high."""
        super().__init__(model_of("mini-elic", rate))
        self.trade_off = recipe_of("mini-elic", rate).weight


class MiniHific(HificCodec):
    """The bundled HiFiC.

    Its trade-off is the weight of the squared error in its loss, beside which others stand.
    """

    def __init__(self, rate: str) -> None:
        """`rate` is low or medium."""
        super().__init__(model_of("mini-hific", rate))
        self.trade_off = recipe_of("mini-hific", rate).weight


CODECS: Mapping[str, Callable[[str], LearnedCodec]] = {
    "mini-mbt2018-mean": MiniMbt2018Mean,
    "mini-mbt2018-mean-half": MiniMbt2018MeanHalf,
    "mini-elic": MiniElic,
    "mini-hific": MiniHific,
}


def load(name: str, rate: str) -> LearnedCodec:
    """The bundled codec `name` at one of its rates."""
    if name not in CODECS:
        raise UnknownNameError("bundled codec", name, CODECS)
    return CODECS[name](rate)


def model_of(name: str, rate: str) -> CompressionModel:
    """The model alone, its weights checked and in single precision."""
    mini, path = mini_of(name, rate), weights_of(name, rate)
    tensors = read_weights(path, mini.sha256[rate])
    model = mini.model(rate)
    fill(model, {key: tensor.float() for key, tensor in tensors.items()}, path)
    return model


def save(model: CompressionModel, path: Path) -> None:
    """Write the weights of `model` as `load` reads them: in half precision, without tables."""
    tensors = {
        name: parameter.detach().half().contiguous() for name, parameter in model.named_parameters()
    }
    part = path.with_suffix(".part")
    save_file(tensors, part)
    part.chmod(0o644)
    part.replace(path)
