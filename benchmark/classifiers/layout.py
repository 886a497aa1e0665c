"""The order of a network's numbers in memory, which decides how fast it convolves."""

import torch
from torch import nn


def layout_of(network: nn.Module) -> torch.memory_format:
    """What a network computes fastest in: channels last if it convolves.

    One convolution is a transformer's cut into patches, where the layout changes nothing.
    """
    convolutional = sum(isinstance(module, nn.Conv2d) for module in network.modules()) > 1
    return torch.channels_last if convolutional else torch.contiguous_format
