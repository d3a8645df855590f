"""Layers of transformers, one token and one head at a time, on NumPy arrays and dicts of parameters."""

import math

import numpy as np


def slow_linear(x, state, name):
    """x: (C,) -> (D,)."""
    weight = state[f"{name}.weight"]
    weight = weight.reshape(weight.shape[0], -1)
    bias = state.get(f"{name}.bias")
    return np.array(
        [
            sum(weight[d, c] * x[c] for c in range(len(x))) + (0.0 if bias is None else bias[d])
            for d in range(len(weight))
        ]
    )


def slow_layer_norm(x, state, name, eps):
    """x: (C,)."""
    mean = sum(x) / len(x)
    variance = sum((value - mean) ** 2 for value in x) / len(x)
    scale, shift = state[f"{name}.weight"], state[f"{name}.bias"]
    return np.array(
        [(value - mean) / math.sqrt(variance + eps) * scale[c] + shift[c] for c, value in enumerate(x)]
    )


def slow_batch_norm(x, state, name, eps=1e-5):
    """x: (C,), with running statistics."""
    return np.array(
        [
            (value - state[f"{name}.running_mean"][c])
            / math.sqrt(state[f"{name}.running_var"][c] + eps)
            * state[f"{name}.weight"][c]
            + state[f"{name}.bias"][c]
            for c, value in enumerate(x)
        ]
    )


def slow_attention(queries, keys, values, heads):
    """Lists of (D,) per token -> list of (D,)."""
    size = len(queries[0]) // heads
    out = [np.zeros(len(values[0])) for _ in queries]
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for t, query in enumerate(queries):
            scores = [float(query[part] @ key[part]) / math.sqrt(size) for key in keys]
            weights = [math.exp(score - max(scores)) for score in scores]
            total = sum(weights)
            for weight, value in zip(weights, values, strict=True):
                out[t][part] += weight / total * value[part]
    return out


def gelu(x):
    return np.array([value / 2 * (1 + math.erf(value / math.sqrt(2))) for value in x])


def silu(x):
    return np.array([value / (1 + math.exp(-value)) for value in x])


def relu(x):
    return np.array([max(value, 0.0) for value in x])
