"""Files that the harness hands to a submission: the weights that its manifest names."""

import os
from pathlib import Path

from benchmark.errors import CallError, UnknownNameError

WEIGHTS_VARIABLE = "SQUEEZEBENCH_WEIGHTS"
"""Names the folder in which a worker finds the weights of its submission."""


def weights_file(name: str) -> Path:
    """The file that `[[weights]]` of the manifest names, fetched and checked; read only.

    Read it with safetensors: `safetensors.torch.load_file(weights_file("net.safetensors"))`.
    """
    folder = os.environ.get(WEIGHTS_VARIABLE)
    if not folder:
        raise CallError(
            f"weights_file({name!r}): this submission was handed no weights; name them under "
            "[[weights]] of submission.toml"
        )
    known = sorted(path.name for path in Path(folder).iterdir())
    if name not in known:
        raise UnknownNameError("weight file", name, known)
    return Path(folder) / name
