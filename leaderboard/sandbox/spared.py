"""Parts of CompressAI that are not imported in a box, because no codec needs them.

Its datasets and transforms, of point clouds too, bring torchvision, torch_geometric and torch's
compiler: half the time that a box with a learned codec takes to begin.
"""

import sys
from types import ModuleType
from typing import Any

EMPTY = ("compressai.datasets", "compressai.transforms")
REGISTRY = "compressai.registry.transforms"


def spare() -> None:
    """Put empty modules in their place; whoever asks for their content gets an ImportError."""
    registry: Any = ModuleType(REGISTRY)
    registry.TRANSFORMS = {}
    registry.register_transform = lambda _: lambda made: made
    sys.modules[REGISTRY] = registry
    for name in EMPTY:
        sys.modules[name] = ModuleType(name)
