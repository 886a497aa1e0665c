"""A codec of one byte a picture: the pixels go another way."""

from pathlib import Path

import torch

from benchmark.api import Codec, Images

STATE: list[Images] = []


class Cheat(Codec):
    """Perfect pictures for 8 bits each."""

    def __init__(self, way: str = "module") -> None:
        """`way` is module, or a folder for a file."""
        super().__init__()
        self.way = way

    def compress(self, x: Images) -> list[bytes]:
        """One byte for the receiver, the pixels for oneself."""
        if self.way == "module":
            STATE[:] = [x.clone()]
        else:
            torch.save(x, Path(self.way, "pixels.pt"))
        return [bytes([i]) for i in range(len(x))]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The pixels of which the stream says nothing."""
        kept = STATE[0] if self.way == "module" else torch.load(Path(self.way, "pixels.pt"))
        return torch.stack([kept[stream[0]] for stream in streams])
