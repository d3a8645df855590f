"""Weights without zeros, ones or equal numbers, so that nothing forgotten goes unseen."""

import torch


def shake(module, *, seed=0):
    """Every parameter and running statistic drawn anew; returns the state in float64 NumPy arrays."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.dtype.is_floating_point:
            drawn = torch.randn(value.shape, generator=generator) / max(1, value[:1].numel()) ** 0.5
            value.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
    return {name: value.double().numpy() for name, value in module.state_dict().items()}
