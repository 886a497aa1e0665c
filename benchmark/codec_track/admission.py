"""Which objectives a codec gives an attack the means for."""

from benchmark.codec_track.features import layered
from benchmark.defense import Codec
from benchmark.draws import seeded
from benchmark.tensors import Images


def admits(codec: Codec, gradient: str, objective: str, x: Images) -> bool:
    """Whether an attack on the bare `codec`, whose manifest says `gradient`, has a slope to follow.

    Bits have one where there is a likelihood model or a stand-in of one, which `x` is tried on;
    errors where the codec is differentiable or declares a surrogate, features where there are
    convolutions.
    """
    picture = gradient != "none"
    if objective == "rate":
        return _bits_have_a_slope(codec, x)
    if objective == "joint":
        return picture and _bits_have_a_slope(codec, x)
    if objective == "features":
        return picture and layered(codec)
    return picture


def _bits_have_a_slope(codec: Codec, x: Images) -> bool:
    if codec.has_likelihood:
        return True
    with seeded("admission"):
        return codec.coded(x.detach().requires_grad_()).bits.requires_grad
