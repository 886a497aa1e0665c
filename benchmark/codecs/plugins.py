"""Plugins of Pillow, which are optional dependencies."""

import importlib
from types import ModuleType

from benchmark.errors import CallError


def plugin(module: str, extra: str) -> ModuleType:
    """The module of a plugin, or an error that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise CallError(
            f'the Python package {module} is not installed; pip install "squeezebench[{extra}]"'
        ) from problem
