"""Set abstraction, its relatives and their layers as the papers write them: every edge on its own."""

import torch

from reference.ball import slow_ball
from reference.farthest import slow_farthest
from reference.interpolate import slow_interpolate_three
from reference.neighbours import slow_k_nearest


def farthest_from_mean(cloud):
    """Row of the point that is farthest from the mean of (N, 3)."""
    mean = cloud.mean(dim=0)
    return max(range(len(cloud)), key=lambda n: float(((cloud[n] - mean) ** 2).sum()))


def slow_normed(rows, layer, norm, *, training):
    """A layer and its normalisation over a list of vectors; statistics of exactly these rows in training."""
    weight = layer.weight.flatten(1)
    values = [weight @ row + (0.0 if layer.bias is None else layer.bias) for row in rows]
    if training:
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / len(values)
    else:
        mean, variance = norm.running_mean, norm.running_var
    return [(v - mean) / torch.sqrt(variance + norm.eps) * norm.weight + norm.bias for v in values]


def leaky(values, slope=0.0):
    return [torch.where(value > 0, value, slope * value) for value in values]


def slow_mlp(rows, layers, *, training, slope=0.0):
    for layer, norm in layers:
        rows = leaky(slow_normed(rows, layer, norm, training=training), slope)
    return rows


def largest(rows):
    return torch.stack(list(rows)).max(dim=0).values


def groups_of(edges, results, sizes):
    """The maximum over each run of `size` results."""
    out, at = [], 0
    for size in sizes:
        out.append(largest(results[at : at + size]))
        at += size
    assert at == len(edges) == len(results)
    return torch.stack(out)


def abstraction_edges(module, xyz, features):
    """Centres (B, M, 3) and [x_j - x_i ; f_j] of every edge, in order."""
    starts = torch.tensor([farthest_from_mean(cloud) for cloud in xyz])
    chosen = slow_farthest(xyz, module.centres, start=starts)
    centres = torch.stack([xyz[b, chosen[b]] for b in range(len(xyz))])
    balls = slow_ball(centres, xyz, module.radius, module.neighbours)
    edges = []
    for b in range(len(xyz)):
        for i in range(module.centres):
            for j in balls[b, i]:
                relative = xyz[b, j] - centres[b, i]
                edges.append(relative if features is None else torch.cat([relative, features[b, j]]))
    return centres, edges


def slow_set_abstraction(module, xyz, features, *, training):
    """Dense clouds (B, N, 3) and (B, N, C) or None -> (B, M, 3), (B, M, D)."""
    centres, edges = abstraction_edges(module, xyz, features)
    layers = list(zip(module.mlp_convs, module.mlp_bns, strict=True))
    results = slow_mlp(edges, layers, training=training)
    best = groups_of(edges, results, [module.neighbours] * (len(xyz) * module.centres))
    return centres, best.view(len(xyz), module.centres, -1)


def slow_residual_abstraction(module, clouds, *, training):
    """A list of ((N, 3), (N, C)) of any sizes -> a list of ((M, 3), (M, D)), M = N // stride."""
    edges, sizes, centres_of, skips = [], [], [], []
    for xyz, features in clouds:
        count = max(len(xyz) // module.stride, 1)
        start = torch.tensor([farthest_from_mean(xyz)])
        chosen = slow_farthest(xyz[None], count, start=start)[0]
        balls = slow_ball(xyz[chosen][None], xyz[None], module.radius, module.neighbours)[0]
        for i, ball in zip(chosen, balls, strict=True):
            edges += [torch.cat([(xyz[j] - xyz[i]) / module.radius, features[j]]) for j in ball]
            sizes.append(len(ball))
            skip = module.skipconv[0]
            skips.append(skip.weight.flatten(1) @ features[i] + skip.bias)
        centres_of.append(xyz[chosen])
    layers = [tuple(pair) for pair in module.convs]
    rows = slow_mlp(edges, layers[:-1], training=training)
    rows = slow_normed(rows, *layers[-1], training=training)
    best = groups_of(edges, rows, sizes)
    out = torch.stack(leaky([value + skip for value, skip in zip(best, skips, strict=True)]))
    parts = out.split([len(centres) for centres in centres_of])
    return list(zip(centres_of, parts, strict=True))


def slow_geometric_affine(alpha, beta, features, chosen, neighbours):
    """(B, N, C) features, (B, M) centres and (B, M, K) neighbours -> [e_ij ; f_i] as (B, M, K, 2C)."""
    result = []
    for b in range(len(features)):
        offsets = torch.stack(
            [
                torch.stack([features[b, j] - features[b, chosen[b, i]] for j in neighbours[b, i]])
                for i in range(chosen.shape[1])
            ]
        )
        mean = offsets.sum() / offsets.numel()
        sigma = (((offsets - mean) ** 2).sum() / (offsets.numel() - 1)) ** 0.5
        affine = alpha.flatten() * offsets / (sigma + 1e-5) + beta.flatten()
        own = torch.stack([features[b, i].expand(neighbours.shape[2], -1) for i in chosen[b]])
        result.append(torch.cat([affine, own], dim=2))
    return torch.stack(result)


def slow_residual_points(block, rows, *, training):
    """ReLU(x + BN(W2 ReLU(BN(W1 x)))) of a list of vectors."""
    inner = leaky(slow_normed(rows, *block.net1, training=training))
    inner = slow_normed(inner, *block.net2, training=training)
    return leaky([a + b for a, b in zip(inner, rows, strict=True)])


def slow_pointmlp_stage(module, stage, xyz, features, *, training):
    """One stage of PointMLP on dense clouds: (B, N, 3), (B, N, C) -> (B, M, 3), (B, M, D)."""
    starts = torch.tensor([farthest_from_mean(cloud) for cloud in xyz])
    chosen = slow_farthest(xyz, module.centres[stage], start=starts)
    centres = torch.stack([xyz[b, chosen[b]] for b in range(len(xyz))])
    near = slow_k_nearest(centres, xyz, module.neighbours)
    affine = module.local_grouper_list[stage]
    grouped = slow_geometric_affine(affine.affine_alpha, affine.affine_beta, features, chosen, near)
    pre, pos = module.pre_blocks_list[stage], module.pos_blocks_list[stage]
    rows = leaky(slow_normed(list(grouped.flatten(0, 2)), *pre.transfer.net, training=training))
    for block in pre.operation:
        rows = slow_residual_points(block, rows, training=training)
    rows = list(groups_of(rows, rows, [module.neighbours] * centres[..., 0].numel()))
    for block in pos.operation:
        rows = slow_residual_points(block, rows, training=training)
    return centres, torch.stack(rows).view(*centres.shape[:2], -1)


def slow_feature_propagation(module, xyz, own, far_xyz, far, *, training):
    carried = slow_interpolate_three(xyz, far_xyz, far)
    rows = [
        torch.cat([own[b, n], carried[b, n].to(own.dtype)])
        for b in range(len(xyz))
        for n in range(xyz.shape[1])
    ]
    layers = list(zip(module.mlp_convs, module.mlp_bns, strict=True))
    return torch.stack(slow_mlp(rows, layers, training=training)).view(*xyz.shape[:2], -1)


def slow_edge_mlp(points, neighbours, layers, *, training, slope=0.2, valid=None):
    """max_j h2(h1([x_j - x_i ; x_i])) of the valid points, 0 elsewhere."""
    edges, places = [], []
    for b in range(len(points)):
        for i in range(points.shape[1]):
            if valid is None or valid[b, i]:
                places.append((b, i))
                edges += [torch.cat([points[b, j] - points[b, i], points[b, i]]) for j in neighbours[b, i]]
    results = slow_mlp(edges, layers, training=training, slope=slope)
    best = groups_of(edges, results, [neighbours.shape[2]] * len(places))
    out = points.new_zeros(*points.shape[:2], best.shape[1])
    for place, value in zip(places, best, strict=True):
        out[place] = value
    return out
