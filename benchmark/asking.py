"""Who is asked about one shard, and does not do again what was done: its pictures are repeated.

What is broken already is not attacked again, so most cells of a shard show pictures of others.
"""

import hashlib
from collections.abc import Sequence

import torch

from benchmark.batches import Batch
from benchmark.judge import Judge, Verdict
from benchmark.scoring import Exhibit, gathered, judged
from benchmark.tensors import Images, Logits, Model


class Remembering:
    """A classifier that is asked once about the very same image in the same place of a batch."""

    def __init__(self, model: Model) -> None:
        """Nothing is known yet."""
        self._model = model
        self._known: dict[bytes, Logits] = {}

    def __call__(self, x: Images) -> Logits:
        """The logits of `model`."""
        kind = repr((x.shape, x.stride())).encode()
        keys = [
            hashlib.sha256(kind + bytes([i % 256, i // 256]) + row.tobytes()).digest()
            for i, row in enumerate(x.detach().cpu().numpy())
        ]
        if not all(key in self._known for key in keys):
            self._known.update(zip(keys, self._model(x), strict=True))
        return torch.stack([self._known[key] for key in keys])


class Asking:
    """A judge of one shard who answers from memory where all pictures of an exhibit are known.

    Only of a deterministic defense; that of a `randomized` one is asked every time.
    """

    def __init__(
        self, judge: Judge, seed: Sequence[object], clean: Batch, *, randomized: bool
    ) -> None:
        """Nothing is known yet; `seed` and `clean` as `judged` wants them."""
        self._judge, self._seed, self._clean = judge, seed, clean
        self._randomized = randomized
        self._verdicts: list[Verdict] = []
        self._known: list[dict[str, int]] = [{} for _ in clean.ids]

    def __call__(self, shown: Exhibit) -> Verdict:
        """The verdict on an exhibit."""
        if self._randomized:
            return self._asked(shown)
        pairs = list(zip(self._known, shown.hashes, strict=False))
        if not all(name in known for known, name in pairs):
            for known, name in pairs:
                known[name] = len(self._verdicts)
            self._verdicts.append(self._asked(shown))
        return gathered(self._verdicts, torch.tensor([known[name] for known, name in pairs]))

    def _asked(self, shown: Exhibit) -> Verdict:
        return judged(self._judge, shown, self._seed, self._clean)
