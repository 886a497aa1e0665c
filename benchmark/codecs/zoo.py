"""Compressai's zoo of image codecs, with the weights that it publishes.

Six architectures at 6 or 8 qualities, trained for mean squared error or MS-SSIM: Balle et al. 2018
(arXiv 1802.01436), Minnen et al. 2018 (arXiv 1809.02736), Cheng et al. 2020 (arXiv 2001.01568).
"""

from pathlib import Path, PurePosixPath
from typing import Any

from compressai.models import (  # type: ignore[import-untyped]
    CompressionModel,
    JointAutoregressiveHierarchicalPriors,
)
from compressai.zoo.image import (  # type: ignore[import-untyped]
    cfgs,
    model_architectures,
    model_urls,
)
from compressai.zoo.pretrained import load_pretrained  # type: ignore[import-untyped]

from benchmark.codecs.autoregressive import Autoregressive
from benchmark.codecs.learned import LearnedCodec
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.weights import find, read_weights

ARCHITECTURES = tuple(model_urls)
METRICS = ("mse", "ms-ssim")
TRADE_OFFS = (0.0018, 0.0035, 0.0067, 0.013, 0.025, 0.0483, 0.0932, 0.18)
"""Lambda of each quality that was trained for mean squared error, as compressai documents it."""


class Zoo(LearnedCodec):
    """One codec of the zoo, in the data folder, the cache, or fetched from where compressai says.

    A file is pinned by the 8 digits of its sha256 that its name ends in; nobody publishes the rest.
    """

    def __init__(
        self, architecture: str, quality: int, metric: str = "mse", *, weights: Path | None = None
    ) -> None:
        """`quality` from 1 to 8 (Cheng et al.: 6), `metric` `mse` or `ms-ssim`.

        `weights` is a file of one's own in the layout of the published one, which is then not
        looked for. It is no parameter of the bundled submissions, so no ranked run has it.
        """
        network = _network(architecture, quality)
        if metric not in METRICS:
            raise UnknownNameError("metric", metric, METRICS)
        path = weights or published(architecture, quality, metric)
        _fill(network, path, f"{architecture} of quality {quality}")
        context = isinstance(network, JointAutoregressiveHierarchicalPriors)
        model = Autoregressive(network) if context else network
        super().__init__(model, network.downsampling_factor)
        self.trade_off = TRADE_OFFS[quality - 1] if metric == "mse" else None


def _network(architecture: str, quality: int) -> CompressionModel:
    if architecture not in ARCHITECTURES:
        raise UnknownNameError("architecture", architecture, ARCHITECTURES)
    if quality not in cfgs[architecture]:
        raise CallError(
            f"{architecture} of quality {quality}: expected 1 to {max(cfgs[architecture])}"
        )
    return model_architectures[architecture](*cfgs[architecture][quality])


def published(architecture: str, quality: int, metric: str) -> Path:
    """The file of published weights, fetched if need be."""
    url = model_urls[architecture][metric][quality]
    name = PurePosixPath(url).name
    return find(name, url=url, sha256=_digits(name))


def fetch(name: str) -> Path | None:
    """The published file of that name, fetched if need be; None if nobody publishes one."""
    for qualities in (of[metric] for of in model_urls.values() for metric in of):
        for url in qualities.values():
            if PurePosixPath(url).name == name:
                return find(name, url=url, sha256=_digits(name))
    return None


def _digits(name: str) -> str:
    return name.removesuffix(".pth.tar").rpartition("-")[2]


def _fill(network: Any, path: Path, wanted: str) -> None:
    try:
        network.load_state_dict(load_pretrained(read_weights(path, None)))
    except (RuntimeError, KeyError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:300]
        raise DataError(
            f"{path} does not fit {wanted}: {reason}; give the file of this codec"
        ) from problem
