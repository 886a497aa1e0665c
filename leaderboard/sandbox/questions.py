"""What a plugin can be asked for: its methods, the ways to its gradient, looks at a codec."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from benchmark.codec_track.features import disrupted
from benchmark.defense import Codec, Plugin, SelectingCodec
from benchmark.errors import ContractError
from benchmark.estimators import ESTIMATORS, rounding_with_slope


class Question(NamedTuple):
    """A map by name: of the plugin or the `bare` codec behind it, of `draws` repetitions at once.

    Only `branches` and `disruption` repeat; of what else, the images come repeated.
    """

    name: str
    bare: bool = False
    draws: int = 1


class Map(NamedTuple):
    """What makes tensors of a plugin, images and draws, and how many tensors these are."""

    made: Callable[[Plugin, Tensor, int], Sequence[Tensor]]
    outputs: int = 1


def _own(method: Callable[[Plugin], Callable[[Tensor], Tensor]]) -> Map:
    return Map(lambda plugin, x, _: (method(plugin)(x),))


def _looked(look: Callable[[Codec, Tensor, int], Sequence[Tensor]], outputs: int = 1) -> Map:
    """As the codec track looks at a codec: what it rounds has slope 1."""

    def made(plugin: Plugin, x: Tensor, draws: int) -> Sequence[Tensor]:
        with rounding_with_slope():
            return look(codec_of(plugin), x, draws)

    return Map(made, outputs)


def codec_of(plugin: Plugin) -> Codec:
    """The plugin, which has to be a codec."""
    if not isinstance(plugin, Codec):
        raise ContractError(f"{type(plugin).__name__} is no codec")
    return plugin


def _branches(codec: Codec, x: Tensor, draws: int) -> Sequence[Tensor]:
    if not isinstance(codec, SelectingCodec):
        raise ContractError(f"{type(codec).__name__} has no branches")
    return codec.branches(x, draws)


MAPS: Mapping[str, Map] = {
    "forward": _own(lambda plugin: plugin.forward),
    "stand-in": _own(lambda plugin: plugin.surrogate),
    "likelihood": _own(lambda plugin: codec_of(plugin).likelihood_bits),
    "padded": _own(lambda plugin: codec_of(plugin).padded),
    "coded": _looked(lambda codec, x, _: codec.coded(x), outputs=2),
    "branches": _looked(_branches, outputs=3),
    "disruption": _looked(lambda codec, x, draws: (disrupted(codec)(x, draws),)),
    **{name: _own(made) for name, made in ESTIMATORS.items() if name != "identity"},
}
"""The identity's gradient needs nothing of a plugin but `forward`."""

NAMES = tuple(MAPS)


def question_to(question: Question) -> int:
    """The question as a number for the wire."""
    return NAMES.index(question.name) | int(question.bare) << 8 | question.draws << 16


def question_from(number: int) -> Question:
    """The question that came over the wire."""
    return Question(NAMES[number & 0xFF], bool(number >> 8 & 1), number >> 16)
