"""ACT's Stage I, one token and one edge at a time (dossier ACT, 1.4 to 1.7); eval mode, one cloud."""

import torch


def group_norm(values, weight, bias, groups=4, eps=1e-5):
    """`values` (channels, places): mean and variance over a quarter of the channels and all places."""
    rows = []
    size = len(values) // groups
    for g in range(groups):
        part = values[g * size : (g + 1) * size]
        mean = part.mean()
        variance = ((part - mean) ** 2).mean()
        rows.append((part - mean) / torch.sqrt(variance + eps))
    return torch.cat(rows) * weight[:, None] + bias[:, None]


def leaky(values):
    return torch.where(values > 0, values, 0.2 * values)


def graph_network(state, tokens, centres):
    """(G, D), (G, 3) -> (G, out)."""
    features = [state["input_trans.weight"][:, :, 0] @ token + state["input_trans.bias"] for token in tokens]
    near = []
    for centre in centres:
        distance = [float(((other - centre) ** 2).sum()) for other in centres]
        near.append(sorted(range(len(centres)), key=lambda j: distance[j])[:4])
    levels = []
    for layer in range(1, 5):
        weight = state[f"layer{layer}.0.weight"][:, :, 0, 0]
        edges = [
            weight @ torch.cat([features[j] - features[i], features[i]])
            for i in range(len(features))
            for j in near[i]
        ]
        values = leaky(
            group_norm(torch.stack(edges, 1), state[f"layer{layer}.1.weight"], state[f"layer{layer}.1.bias"])
        )
        features = [values[:, 4 * i : 4 * i + 4].max(dim=1).values for i in range(len(features))]
        levels.append(features)
    weight = state["layer5.0.weight"][:, :, 0]
    rows = [weight @ torch.cat([level[i] for level in levels]) for i in range(len(tokens))]
    return leaky(group_norm(torch.stack(rows, 1), state["layer5.1.weight"], state["layer5.1.bias"])).T


def layer_norm(x, weight, bias, eps):
    return (x - x.mean()) / torch.sqrt(((x - x.mean()) ** 2).mean() + eps) * weight + bias


def gelu(x):
    return 0.5 * x * (1 + torch.erf(x / 2**0.5))


def vit_block(state, x, heads, eps=1e-6):
    """(T, W) -> (T, W), pre-norm, qkv with bias."""
    normed = torch.stack([layer_norm(row, state["norm1.weight"], state["norm1.bias"], eps) for row in x])
    query, key, value = (normed @ state["attn.qkv.weight"].T + state["attn.qkv.bias"]).chunk(3, dim=1)
    size = x.shape[1] // heads
    mixed = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        weights = torch.softmax(query[:, part] @ key[:, part].T / size**0.5, dim=1)
        mixed.append(weights @ value[:, part])
    x = x + torch.cat(mixed, 1) @ state["attn.proj.weight"].T + state["attn.proj.bias"]
    normed = torch.stack([layer_norm(row, state["norm2.weight"], state["norm2.bias"], eps) for row in x])
    hidden = gelu(normed @ state["mlp.fc1.weight"].T + state["mlp.fc1.bias"])
    return x + hidden @ state["mlp.fc2.weight"].T + state["mlp.fc2.bias"]


def below(state, prefix):
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def seen(state, words, centres, heads):
    """(G, D) code vectors, (G, 3) -> (G, D): the picture model with its prompts."""
    x = torch.cat(
        [state["visual_prompt_token"][0], words @ state["proj_pre.weight"].T + state["proj_pre.bias"]]
    )
    hidden = gelu(centres @ state["visual_pos_embed.0.weight"].T + state["visual_pos_embed.0.bias"])
    place = hidden @ state["visual_pos_embed.2.weight"].T + state["visual_pos_embed.2.bias"]
    place = torch.cat([state["visual_prompt_pos"][0], place])
    prompts = state["visual_prompt_token"].shape[1]
    depth = len(state["deep_prompt_tokens"]) + 1
    for i in range(depth):
        if i > 0:
            x = torch.cat([state["deep_prompt_tokens"][i - 1], x[prompts:]])
            place = torch.cat([state["deep_prompt_pos"][i - 1], place[prompts:]])
        x = vit_block(below(state, f"visual_embed.0.{i}."), x + place, heads)
    norm = state["visual_embed.1.weight"], state["visual_embed.1.bias"]
    x = torch.stack([layer_norm(row, *norm, 1e-6) for row in x[prompts:]])
    return x @ state["proj_post.weight"].T + state["proj_post.bias"]


def batch_norm(x, state, name):
    scale = state[f"{name}.weight"] / torch.sqrt(state[f"{name}.running_var"] + 1e-5)
    return (x - state[f"{name}.running_mean"]) * scale + state[f"{name}.bias"]


def decode(state, feature):
    """(D,) -> (8, 3) coarse and (32, 3) fine points of one patch."""
    hidden = torch.relu(state["mlp.0.weight"] @ feature + state["mlp.0.bias"])
    hidden = torch.relu(state["mlp.2.weight"] @ hidden + state["mlp.2.bias"])
    coarse = (state["mlp.4.weight"] @ hidden + state["mlp.4.bias"]).view(8, 3)
    fine = []
    for point in coarse:
        for corner in ((-0.05, -0.05), (0.05, -0.05), (-0.05, 0.05), (0.05, 0.05)):
            x = torch.cat([feature, torch.tensor(corner), point])
            for layer in (0, 3):
                x = state[f"final_conv.{layer}.weight"][:, :, 0] @ x + state[f"final_conv.{layer}.bias"]
                x = torch.relu(batch_norm(x, state, f"final_conv.{layer + 1}"))
            fine.append(point + state["final_conv.6.weight"][:, :, 0] @ x + state["final_conv.6.bias"])
    return coarse, torch.stack(fine)
