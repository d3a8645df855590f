"""What every loss here shares: at least float32 inside, and a mean that survives an empty selection."""

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 stay what they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def full_precision(values: Tensor) -> torch.autocast:
    """A block in which autocast leaves matrix products on the device of `values` as they are."""
    return torch.autocast(values.device.type, enabled=False)


def weighted_mean(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean of (B,) finite values under (B,) weights >= 0, all one when None.

    With no rows or no weight the result is 0 and still carries a gradient, so an unlucky batch never
    breaks a distributed step.
    """
    if weights is None:
        return values.sum() / max(len(values), 1)
    if weights.shape != values.shape:
        raise ValueError(
            f"weights must be {tuple(values.shape)}, one number a row, got {tuple(weights.shape)}; "
            f"leave them out to count all rows alike"
        )
    weights = weights.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp(min=torch.finfo(values.dtype).tiny)
