"""The model that an attack may query: the classifier behind a defense, on the 8-bit lattice."""

import torch
from torch import Tensor

from benchmark.errors import BoxError
from benchmark.fitting import device_is_full
from benchmark.geometry import on_lattice
from benchmark.tensors import DefenseMap, ImageMap, Images, Logits, Model


class AttackedModel:
    """The classifier behind a defense, on the 8-bit lattice, as an attack may query it.

    Images are rounded on the way in (straight-through), because they are judged so: an attack that
    sees an image misclassified here will see it judged misclassified. Counts the passes spent on
    each image, in the tensors `forwards` and `backwards` (n,).

    With `draws` above 1 every call asks a randomized defense for so many fresh draws and gives the
    mean of their log-probabilities: expectation over transformation (Athalye et al. 2018, arXiv
    1707.07397) for every attack, whatever its loss.
    """

    def __init__(
        self, classifier: Model, defense: DefenseMap | None, n: int, *, draws: int = 1
    ) -> None:
        """The model of a batch of `n` images; without a defense, the bare classifier."""
        self._classifier = classifier
        self._defense = defense
        self._draws = draws
        self.forwards = torch.zeros(n, dtype=torch.int64)
        self.backwards = torch.zeros(n, dtype=torch.int64)
        self._index = torch.arange(n)

    def rows(self, index: Tensor) -> "AttackedModel":
        """The same model for the images `index`, counting into the same tensors."""
        part = object.__new__(AttackedModel)
        part.__dict__.update(self.__dict__)
        part._index = self._index[index.cpu()]
        return part

    def __call__(self, x: Images) -> Logits:
        """Logits of the defended images."""
        # A query attack may ask about several versions of its one image at once.
        self.forwards[self._index] += self._draws * max(1, len(x) // len(self._index))
        if x.requires_grad and torch.is_grad_enabled():
            x.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        x = on_lattice(x)
        if self._draws == 1:
            return self._logits(x)
        logits = self._logits(x.repeat(self._draws, 1, 1, 1))
        return logits.log_softmax(1).view(self._draws, len(x), -1).mean(0)

    def _logits(self, x: Images) -> Logits:
        return self._classifier(x if self._defense is None else self._defense(x))

    def _count_backward(self, gradient: Tensor) -> None:
        self.backwards[self._index] += self._draws


def tolerant(defense: ImageMap) -> ImageMap:
    """`defense`, with grey in place of an image on which it fails.

    A decoder that an attacked picture crashes has failed, and an attack may use that; the judge
    counts it.
    """

    def mapped(x: Images) -> Images:
        try:
            return defense(x)
        except BoxError:  # there is nobody left to ask
            raise
        except Exception as problem:
            if device_is_full(problem):
                raise
            return torch.cat([_or_grey(defense, x[i : i + 1]) for i in range(len(x))])

    return mapped


def _or_grey(defense: ImageMap, x: Images) -> Images:
    try:
        return defense(x)
    except BoxError:
        raise
    except Exception as problem:
        if device_is_full(problem):
            raise
        return 0 * x + 0.5
