"""The point transformer in NumPy loops, float64, read from a state dict by the official key names."""

import math

import numpy as np


def arrays(state):
    return {name: value.double().numpy() for name, value in state.items()}


def below(weights, prefix):
    """The entries under a prefix, without it."""
    return {name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)}


def linear(weights, name, x):
    """x (before,) -> (after,); a convolution's trailing 1 is dropped."""
    matrix = weights[f"{name}.weight"]
    out = matrix.reshape(matrix.shape[0], matrix.shape[1]) @ x
    return out + weights[f"{name}.bias"] if f"{name}.bias" in weights else out


def batch_norm(weights, name, rows, training=False, eps=1e-5):
    """rows: list of vectors that share their statistics."""
    if training:
        mean = sum(rows) / len(rows)
        variance = sum((row - mean) ** 2 for row in rows) / len(rows)
    else:
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
    scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return [(row - mean) / np.sqrt(variance + eps) * scale + shift for row in rows]


def layer_norm(weights, name, x, eps=1e-5):
    return (x - x.mean()) / math.sqrt(x.var() + eps) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x):
    return np.array([0.5 * value * (1 + math.erf(value / math.sqrt(2))) for value in x])


def relu(x):
    return np.maximum(x, 0)


def slow_patch_tokens(weights, patches, training=False):
    """patches: list of lists of points -> one vector per patch; weights of the patch network."""
    sizes = [len(patch) for patch in patches]
    rows = [linear(weights, "first_conv.0", point) for patch in patches for point in patch]
    rows = batch_norm(weights, "first_conv.1", rows, training)
    rows = [linear(weights, "first_conv.3", relu(row)) for row in rows]
    joined = []
    for number, size in enumerate(sizes):
        own = rows[sum(sizes[:number]) : sum(sizes[:number]) + size]
        whole = np.max(own, axis=0)
        joined += [np.concatenate([whole, row]) for row in own]
    rows = [linear(weights, "second_conv.0", row) for row in joined]
    rows = batch_norm(weights, "second_conv.1", rows, training)
    rows = [linear(weights, "second_conv.3", relu(row)) for row in rows]
    return [
        np.max(rows[sum(sizes[:number]) : sum(sizes[:number]) + size], axis=0)
        for number, size in enumerate(sizes)
    ]


def attend(queries, keys, values, heads):
    """Lists of vectors; head h owns the h-th slice of every one of them."""
    width = len(values[0]) // heads
    out = []
    for query in queries:
        parts = []
        for head in range(heads):
            own = slice(head * width, (head + 1) * width)
            scores = [query[own] @ key[own] / math.sqrt(width) for key in keys]
            shares = [math.exp(score - max(scores)) for score in scores]
            parts.append(
                sum(share * value[own] for share, value in zip(shares, values, strict=True)) / sum(shares)
            )
        out.append(np.concatenate(parts))
    return out


def self_attention(weights, name, tokens, heads):
    thirds = [np.split(linear(weights, f"{name}.qkv", token), 3) for token in tokens]
    mixed = attend([t[0] for t in thirds], [t[1] for t in thirds], [t[2] for t in thirds], heads)
    return [linear(weights, f"{name}.proj", token) for token in mixed]


def cross_attention(weights, name, tokens, seen, heads):
    queries = [linear(weights, f"{name}.q", token) for token in tokens]
    halves = [np.split(linear(weights, f"{name}.kv", token), 2) for token in seen]
    mixed = attend(queries, [h[0] for h in halves], [h[1] for h in halves], heads)
    return [linear(weights, f"{name}.proj", token) for token in mixed]


def feed_forward(weights, name, x):
    return linear(weights, f"{name}.fc2", gelu(linear(weights, f"{name}.fc1", x)))


def add(first, second):
    return [a + b for a, b in zip(first, second, strict=True)]


def slow_block(weights, tokens, heads):
    normal = [layer_norm(weights, "norm1", token) for token in tokens]
    tokens = add(tokens, self_attention(weights, "attn", normal, heads))
    return [token + feed_forward(weights, "mlp", layer_norm(weights, "norm2", token)) for token in tokens]


def slow_recon_block(weights, tokens, heads):
    """The first three tokens are the queries; residuals start from the normalised streams."""
    query = [layer_norm(weights, "norm1_contrast", token) for token in tokens[:3]]
    patch = [layer_norm(weights, "norm1", token) for token in tokens[3:]]
    query = add(query, cross_attention(weights, "attn_contrast", query, patch, heads))
    patch = add(patch, self_attention(weights, "attn", patch, heads))
    query = [layer_norm(weights, "norm2_contrast", token) for token in query]
    patch = [layer_norm(weights, "norm2", token) for token in patch]
    query = add(query, [feed_forward(weights, "mlp_contrast", token) for token in query])
    return query + add(patch, [feed_forward(weights, "mlp", token) for token in patch])


def squared_distance(a, b):
    return sum((p - q) ** 2 for p, q in zip(a[:3], b[:3], strict=True))


def slow_patches(cloud, groups, size, start=0):
    """cloud: list of points (3 + C numbers) -> centres and, per centre, its patch; lowest index at ties."""
    chosen = [start]
    while len(chosen) < groups:
        gaps = [min(squared_distance(point, cloud[c]) for c in chosen) for point in cloud]
        chosen.append(gaps.index(max(gaps)))
    centres, patches = [], []
    for c in chosen:
        centre = np.array(cloud[c][:3], dtype=float)
        order = sorted(range(len(cloud)), key=lambda i: (squared_distance(cloud[i], centre), i))
        near = [np.array(cloud[i], dtype=float) for i in order[:size]]
        patches.append([np.concatenate([point[:3] - centre, point[3:]]) for point in near])
        centres.append(centre)
    return centres, patches


def position(weights, centre):
    return linear(weights, "pos_embed.2", gelu(linear(weights, "pos_embed.0", centre)))


def slow_tokens(weights, cloud, *, groups, size, heads, learned=("cls",), block=slow_block, start=0):
    """The normalised tokens after every block, [depth][token]."""
    centres, patches = slow_patches(cloud, groups, size, start)
    tokens = slow_patch_tokens(below(weights, "encoder."), patches)
    if "reduce_dim.weight" in weights:
        tokens = [linear(weights, "reduce_dim", token) for token in tokens]
    tokens = [weights[f"{name}_token"][0, 0] for name in learned] + tokens
    positions = [weights[f"{name}_pos"][0, 0] for name in learned]
    positions += [position(weights, centre) for centre in centres]
    outputs, number = [], 0
    while f"blocks.blocks.{number}.norm1.weight" in weights:
        tokens = block(below(weights, f"blocks.blocks.{number}."), add(tokens, positions), heads)
        outputs.append([layer_norm(weights, "norm", token) for token in tokens])
        number += 1
    return outputs


def slow_embedding(weights, cloud, *, learned=("cls",), **options):
    """The learned tokens and the maximum over the patches, side by side."""
    tokens = slow_tokens(weights, cloud, learned=learned, **options)[-1]
    return np.concatenate([*tokens[: len(learned)], np.max(tokens[len(learned) :], axis=0)])


def slow_point_scores(weights, cloud, *, groups, size, heads, category=None, categories=0):
    """Scores of every point by the segmentation network, whose tokens are read after each third of it."""
    depths = slow_tokens(weights, cloud, groups=groups, size=size, heads=heads, learned=())
    third = len(depths) // 3
    centres, _ = slow_patches(cloud, groups, size)
    read = [depths[third - 1], depths[2 * third - 1], depths[3 * third - 1]]
    tokens = [np.concatenate(parts) for parts in zip(*read, strict=True)]
    whole = [np.max(tokens, axis=0), sum(tokens) / len(tokens)]
    if category is not None:
        hot = np.array([float(c == category) for c in range(categories)])
        label = batch_norm(weights, "label_conv.1", [linear(weights, "label_conv.0", hot)])[0]
        whole.append(np.where(label > 0, label, 0.2 * label))
    scores = []
    for point in cloud:
        order = sorted(range(len(centres)), key=lambda g: (squared_distance(point, centres[g]), g))[:3]
        shares = [1 / (squared_distance(point, centres[g]) + 1e-8) for g in order]
        spread = sum(share * tokens[g] for share, g in zip(shares, order, strict=True)) / sum(shares)
        x = np.concatenate([np.array(point, dtype=float), spread])
        for layer in (0, 1):
            x = linear(weights, f"propagation_0.mlp_convs.{layer}", x)
            x = relu(batch_norm(weights, f"propagation_0.mlp_bns.{layer}", [x])[0])
        x = np.concatenate([x, *whole])
        x = relu(batch_norm(weights, "bns1", [linear(weights, "convs1", x)])[0])
        x = relu(batch_norm(weights, "bns2", [linear(weights, "convs2", x)])[0])
        scores.append(linear(weights, "convs3", x))
    return np.array(scores)
