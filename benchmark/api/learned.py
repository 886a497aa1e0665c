"""The learned codecs that a submission may import, and all codecs by name, beside `benchmark.api`.

Apart from it because importing CompressAI takes seconds that no other submission should pay.
"""

from benchmark.codecs.bls2017 import Bls2017
from benchmark.codecs.mini import MiniElic, MiniHific, MiniMbt2018Mean, MiniMbt2018MeanHalf
from benchmark.codecs.named import Rate, named, with_trade_off
from benchmark.codecs.published import Elic, Hific
from benchmark.codecs.retrained import Retrained
from benchmark.codecs.zoo import Zoo

__all__ = [
    "Bls2017",
    "Elic",
    "Hific",
    "MiniElic",
    "MiniHific",
    "MiniMbt2018Mean",
    "MiniMbt2018MeanHalf",
    "Rate",
    "Retrained",
    "Zoo",
    "named",
    "with_trade_off",
]
