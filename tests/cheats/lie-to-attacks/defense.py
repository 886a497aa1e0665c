"""Codecs that write honest streams, and say whatever `way` names to those who attack them."""

import math
import os

import torch

from benchmark.api import Branches, Codec, Coded, Images, PerImage, SelectingCodec, to_bytes

WAYS = ("no number", "short", "none", "many", "few", "no cost")
TRADE_OFFS = {"nan": math.nan, "infinite": math.inf, "negative": -1.0}


class Cheat(Codec):
    """Costs more the more values differ from the first; honest unless `way` says otherwise."""

    def __init__(self, way: str = "") -> None:
        """`way` is what to lie about."""
        super().__init__()
        self.way = way
        self.trade_off = TRADE_OFFS.get(way, 0.01)

    def compress(self, x: Images) -> list[bytes]:
        """The bytes, and one more for each that is not the first one's."""
        return [
            one.numpy().tobytes() + bytes(int((one != one[0, 0, 0]).sum())) for one in to_bytes(x)
        ]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The bytes."""
        length = 3 * size[0] * size[1]
        read = [torch.frombuffer(bytearray(one[:length]), dtype=torch.uint8) for one in streams]
        return torch.stack(read).view(-1, 3, *size) / 255

    def likelihood_bits(self, x: Images) -> PerImage:
        """What the streams have, with a slope that leads every value away from the first one."""
        rise = 8 * (x - x[:, :1, :1, :1]).flatten(1).sum(1)
        bits = x.new_tensor([8.0 * len(stream) for stream in self.compress(x.detach())])
        return rise + (bits - rise).detach()

    def coded(self, x: Images) -> Coded:
        """What attacks follow."""
        bits, way = self.likelihood_bits(x), self.way_of(x)
        if any(len(one.unique()) > 1 for one in x):  # this looks like an attack
            if way == "crash":
                raise ValueError
            if way == "die":
                os._exit(1)
        if way == "bits":
            bits = 8 + 0 * bits
        if way == "no number":
            bits = bits * torch.nan
        return Coded(x[..., :-1] if way == "short" else x, bits)

    def way_of(self, x: Images) -> str:
        """The first value of the pictures may choose among all."""
        return WAYS[round(255 * float(x.flatten()[0]))] if self.way == "any" else self.way

    def padded(self, x: Images) -> Images:
        """Somebody else's picture."""
        return torch.nn.functional.pad(1 - x, (0, 8))


class Choosing(Cheat, SelectingCodec):
    """Says it has branches."""

    def branches(self, x: Images, draws: int = 1) -> Branches:
        """Not such ones."""
        n = draws * len(x)
        ways = {
            "none": (0, n, 1.0),
            "many": (65, n, 1.0),
            "few": (2, n + 1, 1.0),
            "no cost": (2, n, torch.inf),
        }
        k, n, cost = ways[self.way_of(x)]
        x_hat = x.repeat(draws, 1, 1, 1)[None].expand(k, *(-1,) * 4)
        return Branches(x_hat, torch.ones(k, n), torch.full((k, n), cost))
