"""A job array for Slurm that runs the parts of a plan."""

import math
import shlex
from pathlib import Path

from benchmark.plan import divided
from leaderboard.cluster.planned import Plan
from leaderboard.engine.devices import workers_on

TEMPLATE = Path(__file__).with_name("array.sbatch")
SLACK = 2
"""Times the expected time that a part may take before Slurm ends it."""
STARTING_MINUTES = 15
"""For imports, and the hash of a large dataset."""


def array(plan: Plan, file: Path, parts: int) -> str:
    """The text to give to `sbatch`: one task a part, each on one device with its workers."""
    longest = max(sum(plan.seconds[i] for i in part) for part in divided(plan.seconds, parts))
    device = plan.header.environment["device"]
    workers = workers_on(device)
    # What a probe saw on few pictures grows with a whole batch.
    memory = workers * plan.measured.memory_bytes * SLACK / 2**20
    values = {
        "PARTS": str(parts),
        "CPUS": str(workers * plan.header.environment["threads"]),
        "MEMORY_MB": str(max(4096, math.ceil(memory))),
        "MINUTES": str(STARTING_MINUTES + math.ceil(SLACK * longest / 60)),
        "GPU": "#SBATCH --gpus-per-task=1" if device.startswith("cuda") else "# on processors",
        "FOLDER": shlex.quote(str(Path.cwd())),
        "PLAN": shlex.quote(str(file.resolve())),
        "OUTPUT": shlex.quote(str(file.resolve().with_suffix(".parts"))),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
