"""What an adversary raises, by name: a loss from a codec, the clean images and the views."""

from collections.abc import Mapping

from benchmark.codec_track import measures
from benchmark.codec_track.features import disrupted
from benchmark.codec_track.looks import loss_of, measured
from benchmark.codec_track.types import Loss, Objective, Views
from benchmark.defense import Codec
from benchmark.errors import UnknownNameError
from benchmark.tensors import Images

TRADE_OFF = 0.01
"""The trade-off of a codec that names none, in the middle of what codecs are trained for."""


def rate(codec: Codec, x: Images, views: Views) -> Loss:
    """Bits per pixel."""
    return loss_of(codec, measured(codec, measures.rate), views)


def mse(codec: Codec, x: Images, views: Views) -> Loss:
    """Mean squared error of the reconstruction against the attacked picture."""
    return loss_of(codec, measured(codec, measures.mse), views)


def ms_ssim(codec: Codec, x: Images, views: Views) -> Loss:
    """What MS-SSIM of the reconstruction against the attacked picture lacks of 1."""
    return loss_of(codec, measured(codec, measures.structure), views)


def joint(codec: Codec, x: Images, views: Views) -> Loss:
    """The rate-distortion loss, with the codec's own trade-off."""
    trade_off = TRADE_OFF if codec.trade_off is None else codec.trade_off
    return loss_of(codec, measured(codec, measures.joint(trade_off)), views)


def features(codec: Codec, x: Images, views: Views) -> Loss:
    """The disruption of a learned codec's features (FDA)."""
    return loss_of(codec, disrupted(codec), views)


OBJECTIVES: Mapping[str, Objective] = {
    "rate": rate,
    "mse": mse,
    "ms-ssim": ms_ssim,
    "joint": joint,
    "features": features,
}


def find(name: str) -> Objective:
    """The objective called `name`."""
    if name not in OBJECTIVES:
        raise UnknownNameError("objective", name, OBJECTIVES)
    return OBJECTIVES[name]
