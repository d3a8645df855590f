"""EVA's block, token by token."""

import numpy as np

from reference.transformer_parts import (
    gelu,
    relu,
    silu,
    slow_attention,
    slow_batch_norm,
    slow_layer_norm,
    slow_linear,
)

EPS = 1e-6


def slow_eva_block(tokens, state, prefix, *, heads):
    """tokens: list of (D,) -> list of (D,); which forms there are is read off the names of `state`."""
    normed = [slow_layer_norm(x, state, f"{prefix}norm1", EPS) for x in tokens]
    mixed = slow_eva_attention(normed, state, f"{prefix}attn.", heads=heads)
    tokens = [x + slow_linear(y, state, f"{prefix}attn.proj") for x, y in zip(tokens, mixed, strict=True)]
    normed = [slow_layer_norm(x, state, f"{prefix}norm2", EPS) for x in tokens]
    return [x + slow_eva_mlp(y, state, f"{prefix}mlp.") for x, y in zip(tokens, normed, strict=True)]


def slow_eva_attention(tokens, state, prefix, *, heads):
    width = len(tokens[0])
    if f"{prefix}qkv.weight" in state:
        everything = [slow_linear(x, state, f"{prefix}qkv") for x in tokens]
        queries = [row[:width] + state[f"{prefix}q_bias"] for row in everything]
        keys = [row[width : 2 * width] for row in everything]
        values = [row[2 * width :] + state[f"{prefix}v_bias"] for row in everything]
    else:
        queries, keys, values = (
            [slow_linear(x, state, f"{prefix}{name}_proj") for x in tokens] for name in "qkv"
        )
    return slow_attention(queries, keys, values, heads)


def slow_eva_mlp(x, state, prefix):
    if f"{prefix}fc1_g.weight" in state:
        product = silu(slow_linear(x, state, f"{prefix}fc1_g")) * slow_linear(x, state, f"{prefix}fc1_x")
        return slow_linear(slow_layer_norm(product, state, f"{prefix}norm", EPS), state, f"{prefix}fc2")
    inner = slow_linear(x, state, f"{prefix}fc1")
    hidden = state[f"{prefix}fc2.weight"].shape[1]
    if len(inner) == 2 * hidden:
        return slow_linear(silu(inner[:hidden]) * inner[hidden:], state, f"{prefix}fc2")
    return slow_linear(gelu(inner), state, f"{prefix}fc2")


def slow_uni3d(cloud, state, *, depth, heads, groups, group_size):
    """cloud: (N, 6) -> (embed_dim,); the first centre is the point farthest from the mean."""
    centres = slow_farthest(cloud[:, :3], groups)
    tokens = [state["cls_token"].ravel() + state["cls_pos"].ravel()]
    for centre in cloud[centres, :3]:
        distance = [float(((row[:3] - centre) ** 2).sum()) for row in cloud]
        near = sorted(range(len(cloud)), key=lambda i: (distance[i], i))[:group_size]
        patch = [np.concatenate([cloud[i, :3] - centre, cloud[i, 3:]]) for i in near]
        token = slow_linear(slow_mini_pointnet(patch, state, "encoder."), state, "encoder2trans")
        place = slow_linear(gelu(slow_linear(centre, state, "pos_embed.0")), state, "pos_embed.2")
        tokens.append(token + place)
    for layer in range(depth):
        tokens = slow_eva_block(tokens, state, f"visual.blocks.{layer}.", heads=heads)
    return slow_linear(slow_layer_norm(tokens[0], state, "visual.fc_norm", EPS), state, "trans2embed")


def slow_mini_pointnet(patch, state, prefix):
    """patch: list of (C,) -> (D,)."""
    local = []
    for row in patch:
        hidden = relu(
            slow_batch_norm(slow_linear(row, state, f"{prefix}first_conv.0"), state, f"{prefix}first_conv.1")
        )
        local.append(slow_linear(hidden, state, f"{prefix}first_conv.3"))
    whole = np.max(local, axis=0)
    found = []
    for row in local:
        joined = np.concatenate([whole, row])
        hidden = relu(
            slow_batch_norm(
                slow_linear(joined, state, f"{prefix}second_conv.0"), state, f"{prefix}second_conv.1"
            )
        )
        found.append(slow_linear(hidden, state, f"{prefix}second_conv.3"))
    return np.max(found, axis=0)


def slow_farthest(xyz, count):
    """Rows of farthest points, the first one farthest from the mean."""
    mean = xyz.mean(axis=0)
    chosen = [int(np.argmax([float(((row - mean) ** 2).sum()) for row in xyz]))]
    while len(chosen) < count:
        nearest = [min(float(((row - xyz[c]) ** 2).sum()) for c in chosen) for row in xyz]
        chosen.append(int(np.argmax(nearest)))
    return chosen
