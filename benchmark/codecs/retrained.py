"""A learned codec with weights of one's own, such as those of adversarial training."""

from pathlib import Path
from typing import Any

import torch
from compressai.models import CompressionModel  # type: ignore[import-untyped]
from safetensors.torch import save_file
from torch import Tensor

from benchmark.codecs.autoregressive import Autoregressive
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.named import Rate, with_trade_off
from benchmark.codecs.parameters import fill
from benchmark.errors import CallError
from benchmark.tensors import Images
from benchmark.weights import read_weights


def learned(codec: str, rate: Rate) -> LearnedCodec:
    """The learned codec of this name; another one is an error."""
    made = with_trade_off(codec, rate)
    if not isinstance(made, LearnedCodec):
        raise CallError(f"{codec} learns nothing; expected a learned codec, mini-elic for one")
    return made


def trainable(codec: LearnedCodec) -> CompressionModel:
    """The model whose parameters are a codec's, as it is trained."""
    return codec.model.model if isinstance(codec.model, Autoregressive) else codec.model


def retrained(codec: str, rate: Rate, path: Path, sha256: str | None) -> LearnedCodec:
    """The learned codec `codec` at `rate` with the weights of `store` in the place of its own."""
    made = learned(codec, rate)
    tensors = read_weights(path, sha256)
    fill(trainable(made), {name: tensor.float() for name, tensor in tensors.items()}, path)
    with torch.no_grad():
        made.model.update(force=True)
    return made


class Retrained(LearnedCodec):
    """A learned codec with the weights of `store` in the place of its own."""

    def __init__(self, codec: str, rate: Rate, path: Path, sha256: str) -> None:
        """`codec` at `rate`, its weights in the file `path` with this hash."""
        made = retrained(codec, rate, path, sha256)
        super().__init__(made.model, made.stride)
        self._made = made
        self.trade_off = made.trade_off

    def shape(self, height: int, width: int) -> Any:
        """As the codec's."""
        return self._made.shape(height, width)

    def padded(self, x: Images) -> Tensor:
        """As the codec's."""
        return self._made.padded(x)


def store(codec: LearnedCodec, path: Path) -> None:
    """Write a codec's weights in half precision, as the bundled ones are."""
    named = trainable(codec).named_parameters()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({name: value.detach().half().contiguous() for name, value in named}, part)
    part.replace(path)
