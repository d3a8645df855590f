"""MobileNet-V2 read off its JSON plan, pixel by pixel, with int8 weights as they are stored."""

import math

import numpy as np


def slow_mobilenet(image, plan, arrays):
    """image: (C, H, W); plan: the JSON's entries; arrays: the npz's -> scores of the last convolution."""
    sums = {entry["add_after_conv"] for entry in plan if "add_after_conv" in entry}
    layers = [entry for entry in plan if "i" in entry]
    x, block_input, last_projection = image, None, None
    for layer in layers:
        if layer is layers[-1]:
            x = x.mean(axis=(1, 2))[:, None, None]
        if layer["kind"] == "conv" and not layer["relu6"]:
            last_projection = layer["i"]
        name = f"conv{layer['i']:02}"
        weight = (
            arrays[f"{name}.weight_int8"] * arrays[f"{name}.scale"].astype(np.float64)[:, None, None, None]
        )
        out = slow_same_convolution(x, weight, arrays[f"{name}.bias"], layer["stride"], layer["kind"])
        if layer["relu6"]:
            out = np.minimum(np.maximum(out, 0.0), 6.0)
        if layer["i"] in sums:
            out = out + block_input
        if layer["i"] == last_projection:
            block_input = out
        x = out
    return x[:, 0, 0]


def slow_same_convolution(x, weight, bias, stride, kind):
    """TensorFlow's "SAME": (C, H, W) -> (D, ceil(H / stride), ceil(W / stride))."""
    kernel, (_, height, width) = weight.shape[2], x.shape
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    top = max((rows - 1) * stride + kernel - height, 0) // 2
    left = max((columns - 1) * stride + kernel - width, 0) // 2
    out = np.zeros((len(weight), rows, columns))
    for d in range(len(weight)):
        for r in range(rows):
            for c in range(columns):
                total = float(bias[d])
                for i in range(kernel):
                    for j in range(kernel):
                        y, z = r * stride + i - top, c * stride + j - left
                        if not (0 <= y < height and 0 <= z < width):
                            continue
                        seen = x[d : d + 1, y, z] if kind == "depthwise" else x[:, y, z]
                        total += float(weight[d, :, i, j] @ seen)
                out[d, r, c] = total
    return out
