"""A differentiable stand-in for codecs that transform blocks after a prediction.

WebP, AVIF, HEIC, JPEG XL and VVC. For gradients only; every figure is judged on real bytes.
"""

from benchmark.codecs.jpeg_surrogate import BLOCK, from_blocks, in_planes, to_blocks, transform
from benchmark.codecs.shrinkage import shrunk
from benchmark.tensors import Images


def _shrunk_blocks(plane: Images, step: float) -> Images:
    """A plane whose DCT coefficients are shrunk, but for each block's mean.

    The mean comes through almost whole at any rate, because it is predicted from the neighbors.
    """
    basis = transform().to(plane)
    steps = plane.new_full((BLOCK * BLOCK,), step)
    steps[0] = 1e-6
    return from_blocks(shrunk(to_blocks(plane) @ basis.T, steps) @ basis, plane)


def block_surrogate(x: Images, step: float, *, subsampled: bool) -> Images:
    """`x` after an 8x8 DCT that loses what is small against `step`, in grey levels."""

    def coded(plane: Images) -> Images:
        return _shrunk_blocks(plane, step)

    return in_planes(x, coded, coded, subsampled=subsampled)
