"""Is weak while it is attacked and strong while it is judged, by counting."""

import torch

from benchmark.api import Defense, Images


class Cheat(Defense):
    """Grey for whoever asks more often than a judge would."""

    def __init__(self, patience: int = 3) -> None:
        """`patience` in calls."""
        super().__init__()
        self.calls, self.patience = 0, patience

    def forward(self, x: Images) -> Images:
        """Counts."""
        self.calls += 1
        return x if self.calls <= self.patience else 0.5 + 0.001 * torch.tanh(x)
