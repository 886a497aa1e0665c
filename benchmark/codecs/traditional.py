"""Codecs that are programs of others: no gradient and no likelihoods, but surrogates of both."""

import torch

from benchmark.defense import Codec, Coded
from benchmark.errors import ContractError
from benchmark.tensors import Images, PerImage


class Traditional(Codec):
    """A codec whose picture and bits are those of its streams, with the gradients of surrogates."""

    def rate_surrogate(self, x: Images) -> PerImage:
        """A differentiable stand-in of the bits; only its gradient is used."""
        raise ContractError(f"{type(self).__name__} must define rate_surrogate")

    def coded(self, x: Images) -> Coded:
        """What one round trip through streams gives: decoded pictures, counted bits."""
        with torch.no_grad():
            streams, x_hat = self.round_trip(x)
        bits = x.new_tensor([8.0 * len(stream) for stream in streams])
        if not (torch.is_grad_enabled() and x.requires_grad):
            return Coded(x_hat, bits)
        stand_in, cost = self.surrogate(x), self.rate_surrogate(x)
        return Coded(stand_in + (x_hat - stand_in).detach(), cost + (bits - cost).detach())
