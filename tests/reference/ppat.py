"""OpenShape's PPAT, point by point and token by token."""

import numpy as np

from reference.eva import slow_farthest
from reference.transformer_parts import (
    gelu,
    relu,
    slow_attention,
    slow_batch_norm,
    slow_layer_norm,
    slow_linear,
)

EPS = 1e-5


def slow_ppat(cloud, state, *, depth, heads, groups, group_size, radius):
    """cloud: (N, 6) -> (embed_dim,); the first centre is the point farthest from the mean."""
    tokens = [state["ppat.cls_token"]]
    for centre, patch in slow_ball_patches(cloud, groups, group_size, radius):
        found = [slow_patch_mlp(row, state) for row in patch]
        lifted = slow_linear(np.concatenate([centre, np.max(found, axis=0)]), state, "ppat.lift.0")
        tokens.append(slow_layer_norm(lifted, state, "ppat.lift.2", EPS))
    for layer in range(depth):
        tokens = slow_ppat_layer(tokens, state, f"ppat.transformer.layers.{layer}.", heads=heads)
    return slow_linear(tokens[0], state, "proj")


def slow_ball_patches(cloud, groups, group_size, radius):
    """Pairs of a centre (3,) and its rows [xyz - centre, xyz, rgb], those with the lowest numbers."""
    result = []
    for centre in cloud[slow_farthest(cloud[:, :3], groups), :3]:
        inside = [i for i, row in enumerate(cloud) if ((row[:3] - centre) ** 2).sum() < radius**2]
        inside = (inside + [inside[0]] * group_size)[:group_size]
        result.append((centre, [np.concatenate([cloud[i, :3] - centre, cloud[i]]) for i in inside]))
    return result


def slow_patch_mlp(row, state):
    for layer in range(3):
        row = slow_linear(row, state, f"ppat.sa.mlp_convs.{layer}")
        row = relu(slow_batch_norm(row, state, f"ppat.sa.mlp_bns.{layer}"))
    return row


def slow_ppat_layer(tokens, state, prefix, *, heads):
    normed = [slow_layer_norm(x, state, f"{prefix}0.norm", EPS) for x in tokens]
    thirds = [np.split(slow_linear(x, state, f"{prefix}0.fn.to_qkv"), 3) for x in normed]
    mixed = slow_attention(*([row[i] for row in thirds] for i in range(3)), heads)
    tokens = [x + slow_linear(y, state, f"{prefix}0.fn.to_out.0") for x, y in zip(tokens, mixed, strict=True)]
    result = []
    for x in tokens:
        hidden = gelu(
            slow_linear(slow_layer_norm(x, state, f"{prefix}1.norm", EPS), state, f"{prefix}1.fn.net.0")
        )
        result.append(x + slow_linear(hidden, state, f"{prefix}1.fn.net.3"))
    return result
