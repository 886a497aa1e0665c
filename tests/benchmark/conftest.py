"""Fixtures of the classifier track: a tiny protocol, and its pictures."""

from pathlib import Path

import pytest

from benchmark.datasets import Sample, find, fingerprinted
from benchmark.protocol import Protocol, load


@pytest.fixture
def protocol(tiny_protocol: Path) -> Protocol:
    return load(str(tiny_protocol))


@pytest.fixture
def sample(protocol: Protocol) -> Sample:
    return fingerprinted(find(protocol.dataset))
