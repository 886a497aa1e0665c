"""A submitted classifier in the place of one of the protocol's."""

from collections.abc import Sequence

import torch

from benchmark.contract import check_logits
from benchmark.defense import Classifier, Plugin
from benchmark.tensors import Images, Logits, Model


class Replacement(Classifier):
    """A submission's `classifier` where the protocol has its own, with the same choice of logits.

    It gives logits where a `Defense` gives images, so what stands behind it has nothing to do: see
    `behind`.
    """

    def __init__(self, classifier: Classifier, replaced: Model, labels: Sequence[int]) -> None:
        """`labels` are those that the logits of the `replaced` classifier stand for, in order."""
        super().__init__()
        self.classifier, self.replaced = classifier, replaced
        self.randomized = classifier.randomized
        self._labels = torch.tensor(labels)

    def forward(self, x: Images) -> Logits:
        """The submission's logits of the classes that count."""
        return self.chosen(self.classifier.forward(x), x, "forward")

    def surrogate(self, x: Images) -> Logits:
        """The same of its surrogate."""
        return self.chosen(self.classifier.surrogate(x), x, "surrogate")

    def chosen(self, given: object, x: Images, method: str) -> Logits:
        """Of the logits that the submission's `method` gave for `x`, those that count."""
        source = f"{type(self.classifier).__name__}.{method}"
        logits = check_logits(given, len(x), int(self._labels.max()) + 1, source)
        return logits.to(x)[:, self._labels.to(x.device)]


def placed(plugin: Plugin, replaced: Model, labels: Sequence[int]) -> Plugin:
    """What stands before the classifier `replaced`, or in its place."""
    return Replacement(plugin, replaced, labels) if isinstance(plugin, Classifier) else plugin


def behind(plugin: Plugin, classifier: Model) -> Model:
    """What classifies what `plugin` gives: the `classifier`, or nothing if it did so itself."""
    return _as_they_are if isinstance(plugin, Classifier) else classifier


def _as_they_are(logits: Logits) -> Logits:
    return logits
