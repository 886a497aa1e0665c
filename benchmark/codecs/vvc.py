"""VVC (ITU-T H.266) intra coding by the programs of Fraunhofer HHI, VVenC and VVdeC.

**Not run against the real programs**: neither can be had where this was written. The options are
those of their public sources and manual; the tests put small programs in their place, which check
the options and hand the frame through.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.nn import functional

from benchmark.codecs.block_surrogate import block_surrogate
from benchmark.codecs.parallel import in_order
from benchmark.codecs.pillow import same_size, whole
from benchmark.codecs.rate_surrogate import block_bits
from benchmark.codecs.shrinkage import Fitted
from benchmark.codecs.yuv import from_frame, read_y4m, to_frame
from benchmark.errors import CallError, ContractError
from benchmark.geometry import to_lattice
from benchmark.tensors import Images, PerImage

UNIT = 8
"""Pictures are padded to multiples of it, the smallest coding unit."""
PRESET = "medium"
TIMEOUT_S = 300.0
SAID = 500
"""Characters of what a program said that an error repeats."""
COMPLAINT = re.compile(r"^vvdecapp \[(error|warning)\]", re.MULTILINE)
"""VVdeC goes on after a unit that it cannot read, and ends with code 0."""


class Vvc(Fitted):
    """VVC at a quantization parameter, 4:2:0, 10 bits, preset medium, one frame, one thread.

    The perceptual adaptation of the parameter is off, as in comparisons by PSNR. Needs `vvencapp`
    and `vvdecapp` on PATH, or their paths in SQUEEZEBENCH_VVENCAPP and SQUEEZEBENCH_VVDECAPP.
    """

    def __init__(self, qp: int, *, timeout_s: float = TIMEOUT_S) -> None:
        """`qp` from 0 (best) to 63; a program that takes longer than `timeout_s` is stopped."""
        super().__init__()
        self.qp = whole("VVC quantization parameter", qp, 0, 63)
        self._timeout_s = timeout_s
        self._encoder = _program("vvencapp", "https://github.com/fraunhoferhhi/vvenc")
        self._decoder = _program("vvdecapp", "https://github.com/fraunhoferhhi/vvdec")

    def compress(self, x: Images) -> list[bytes]:
        """One elementary stream an image."""
        pictures = to_lattice(x).float().cpu()
        return in_order(self._encoded, [pictures[i : i + 1] for i in range(len(pictures))])

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The pictures in `streams`; a stream that does not decode to `size` is an error."""
        return torch.cat(in_order(lambda stream: self._decoded(stream, size), streams))

    def stand_in(self, x: Images, strength: float) -> Images:
        """Blocks, 4:2:0."""
        return block_surrogate(x, strength, subsampled=True)

    def rate_surrogate(self, x: Images) -> PerImage:
        """Blocks, as the picture's."""
        return block_bits(x, self.strength, subsampled=True)

    def _encoded(self, x: Images) -> bytes:
        height, width = x.shape[-2:]
        x = functional.pad(x, (0, -width % UNIT, 0, -height % UNIT), mode="replicate")
        with TemporaryDirectory() as folder:
            frame, stream = Path(folder, "frame.yuv"), Path(folder, "stream.266")
            frame.write_bytes(to_frame(x))
            self._run(
                self._encoder,
                *("--input", frame, "--size", f"{x.shape[-1]}x{x.shape[-2]}"),
                *("--format", "yuv420_10", "--frames", 1, "--preset", PRESET),
                *("--qp", self.qp, "--qpa", 0, "--threads", 1, "--output", stream),
            )
            return _made(stream, self._encoder)

    def _decoded(self, stream: bytes, size: tuple[int, int]) -> Images:
        height, width = size
        padded = (height + -height % UNIT, width + -width % UNIT)
        with TemporaryDirectory() as folder:
            source, frame = Path(folder, "stream.266"), Path(folder, "frame.y4m")
            source.write_bytes(stream)
            self._run(self._decoder, "--bitstream", source, "--threads", 1, "--output", frame)
            samples, found = read_y4m(_made(frame, self._decoder))
        same_size(found, padded, "VVC")
        return from_frame(samples, padded)[..., :height, :width]

    def _run(self, program: str, *arguments: object) -> None:
        try:
            done = subprocess.run(
                [program, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as problem:
            raise ContractError(
                f"{program} took more than {self._timeout_s:g} seconds and was stopped"
            ) from problem
        except OSError as problem:
            raise ContractError(f"{program} does not start: {problem}") from problem
        said = (done.stdout + b"\n" + done.stderr).decode(errors="replace").strip()
        if done.returncode != 0 or COMPLAINT.search(said):
            raise ContractError(
                f"{program} ended with code {done.returncode}: {said[-SAID:] or 'it said nothing'}"
            )


def _program(name: str, source: str) -> str:
    """The path of a program, from its variable or from PATH."""
    variable = f"SQUEEZEBENCH_{name.upper()}"
    asked = os.environ.get(variable)
    found = shutil.which(asked or name)
    if found is None:
        where = f"{variable} = {asked!r} is no program" if asked else f"{name} is not on PATH"
        raise CallError(f"{where}; build it from {source} and put its path into {variable}")
    return found


def _made(path: Path, program: str) -> bytes:
    """What a program wrote."""
    content = path.read_bytes() if path.exists() else b""
    if not content:
        raise ContractError(f"{program} ended with code 0 and wrote nothing to {path.name}")
    return content
