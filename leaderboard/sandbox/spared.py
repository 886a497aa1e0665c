"""Parts of libraries that a worker does not import, because nothing here needs them.

CompressAI's datasets and transforms, of point clouds too, bring torchvision, torch_geometric and
torch's compiler; its tables bring SciPy's statistics for one quantile; torchvision and timm bring
the compiler for a question each. They are half of the time that a worker takes to begin.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

EMPTY = ("compressai.datasets", "compressai.transforms")
REGISTRY = "compressai.registry.transforms"
LATE = "scipy.stats"
COMPILER = ("torch._dynamo", "torch._dynamo.utils")


class _Late(ModuleType):
    """Stands for a module that is imported when somebody first asks for what is in it."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def spare() -> None:
    """Put stand-ins in their place, before the libraries are imported.

    Whoever asks for the content of CompressAI's parts gets an ImportError.
    """
    registry: Any = ModuleType(REGISTRY)
    registry.TRANSFORMS = {}
    registry.register_transform = lambda _: lambda made: made
    sys.modules[REGISTRY] = registry
    for name in EMPTY:
        sys.modules[name] = ModuleType(name)
    if LATE not in sys.modules:
        late = _Late(LATE)
        late.__file__ = None  # `inspect` asks all modules for their files
        sys.modules[LATE] = late


@contextmanager
def without_compiler() -> Iterator[None]:
    """While libraries are imported, torch's compiler is what they need of it for that."""
    if any(name in sys.modules for name in COMPILER):
        yield
        return
    compiler, questions = made = [ModuleType(name) for name in COMPILER]
    compiler.__dict__.update(__path__=[], disable=_left_alone, utils=questions)
    questions.__dict__.update(is_compile_supported=_is_compile_supported)
    sys.modules.update(zip(COMPILER, made, strict=True))
    try:
        yield
    finally:
        for name in COMPILER:
            sys.modules.pop(name, None)


def _left_alone(function: Any = None, *_: object, **__: object) -> Any:
    """As the compiler's `disable`: the function, which it is to leave alone, or a decorator."""
    if function is None:
        return _left_alone
    function._torchdynamo_disable = True
    return function


def _is_compile_supported(device: str) -> bool:
    """What torchvision asks when one of its operators is called."""
    questions = importlib.import_module(COMPILER[1])
    answer: bool = questions.is_compile_supported(device)
    return answer
