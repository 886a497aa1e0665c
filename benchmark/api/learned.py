"""The learned codecs that a submission may import, beside `benchmark.api`.

Apart from it because importing CompressAI takes seconds that no other submission should pay.
"""

from benchmark.codecs.bls2017 import Bls2017
from benchmark.codecs.published import Elic, Hific
from benchmark.codecs.zoo import Zoo

__all__ = ["Bls2017", "Elic", "Hific", "Zoo"]
