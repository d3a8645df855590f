"""Heads that map an encoder's features into a shared space."""

from typing import Literal

from torch import nn

from anaglyph.nn.batchnorm import BatchNorm

Projection = Literal["none", "linear", "bn_relu", "mlp"]


def projection(kind: Projection, in_dim: int, out_dim: int) -> nn.Module:
    """(B, in_dim) -> (B, out_dim).

    Args:
        kind: "none" passes features through (in_dim must equal out_dim); "linear" is one matrix with a bias;
            "bn_relu" is RoMo's Linear -> BatchNorm -> ReLU, whose output is non-negative; "mlp" is
            Linear -> BatchNorm -> ReLU -> Linear (Chen et al., 2020).
        in_dim: width of the encoder.
        out_dim: width of the shared space.
    """
    if kind == "none":
        if in_dim != out_dim:
            raise ValueError(f"without a projection in_dim must equal out_dim, got {in_dim} and {out_dim}")
        return nn.Identity()
    if kind == "linear":
        return nn.Linear(in_dim, out_dim)
    if kind == "bn_relu":
        return nn.Sequential(nn.Linear(in_dim, out_dim), BatchNorm(out_dim), nn.ReLU())
    hidden = max(in_dim, out_dim)
    return nn.Sequential(nn.Linear(in_dim, hidden), BatchNorm(hidden), nn.ReLU(), nn.Linear(hidden, out_dim))
