"""VVC intra coding before the classifier, judged on real bytes."""

from benchmark.api import Vvc


class VvcDefense(Vvc):
    """VVC by the programs vvencapp and vvdecapp."""

    def __init__(self, qp: int) -> None:
        """`qp` from 0 (best) to 63."""
        super().__init__(qp)
