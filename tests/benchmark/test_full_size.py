"""ELIC and HiFiC at the size of their public weights: what a picture and its gradient need."""

import subprocess
import sys

import pytest

MADE = {
    "elic": "from benchmark.codecs.elic import *; codec = ElicCodec(ElicModel(Widths()))",
    "hific": "from benchmark.codecs.hific import *; codec = HificCodec(HificModel(Shape()))",
}
MEASURED = """
import resource, sys, torch
torch.set_num_threads(1)
x = torch.rand(1, 3, 224, 224, requires_grad=True)
(gradient,) = torch.autograd.grad(codec.forward(x).sum(), x)
assert gradient.abs().sum() > 0
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.parametrize("name", MADE)
def test_a_picture_of_224_pixels_and_its_gradient_take_less_than_4_gb(name: str) -> None:
    code = f"{MADE[name]}\n{MEASURED}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4e9
