"""Two-way and K-way compression (Song, Choi, Han 2024, arXiv 2401.11902)."""

from benchmark.codecs.best_of import BestOf
from benchmark.codecs.transformed import EVERY
from benchmark.codecs.transforms import Transform, drawn
from benchmark.defense import Codec, Coded
from benchmark.errors import CallError
from benchmark.metrics.rate_distortion import rate_distortion
from benchmark.tensors import Images, PerImage

MOST = 32


class KWay(BestOf):
    """Keeps the identity or one of `ways - 1` random transforms, whichever has the least R-D loss.

    The transforms are drawn from torch's own generator, anew for every image and call.
    """

    randomized = True

    def __init__(self, codec: Codec, ways: int = 2, *, trade_off: float | None = None) -> None:
        """`trade_off` is the loss's lambda (see `Codec`); the codec's own if None."""
        super().__init__(codec, EVERY)
        if not 2 <= ways <= MOST:
            raise CallError(f"{ways} ways: expected 2 to {MOST}, the identity among them")
        chosen = codec.trade_off if trade_off is None else trade_off
        if chosen is None or not chosen > 0:
            raise CallError(
                f"trade_off {chosen} of {type(codec).__name__}: expected a number above 0; a codec "
                f"that was trained for none needs one, in bits a pixel for an error of one squared "
                f"grey level"
            )
        self.ways = ways
        self.trade_off = self._chosen = chosen

    def others(self, n: int) -> list[list[Transform]]:
        """Fresh transforms."""
        return [drawn(n) for _ in range(self.ways - 1)]

    def cost(self, x: Images, coded: Coded) -> PerImage:
        """The rate-distortion loss."""
        return rate_distortion(x, coded.x_hat, coded.bits, self._chosen)
