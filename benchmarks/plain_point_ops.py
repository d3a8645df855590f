"""Point operations in the obvious batched PyTorch, as the published code writes them: the baselines."""

from __future__ import annotations

import torch
from torch import Tensor


def plain_farthest(points: Tensor, count: int) -> Tensor:
    batch = torch.arange(len(points))
    distance = torch.full(points.shape[:2], float("inf"))
    chosen = torch.zeros(len(points), count, dtype=torch.int64)
    for i in range(1, count):
        centre = points[batch, chosen[:, i - 1]][:, None]
        distance = torch.minimum(distance, ((points - centre) ** 2).sum(dim=2))
        chosen[:, i] = distance.argmax(dim=1)
    return chosen


def apart_farthest(points: Tensor, count: int) -> Tensor:
    """The same, written for speed."""
    x, y, z = points.permute(2, 0, 1).contiguous()
    distance = torch.full_like(x, float("inf"))
    chosen = torch.zeros(len(points), count, dtype=torch.int64)
    for i in range(1, count):
        last = chosen[:, i - 1 : i]
        gaps = [plane - plane.gather(1, last) for plane in (x, y, z)]
        distance = torch.minimum(distance, gaps[0] ** 2 + gaps[1] ** 2 + gaps[2] ** 2)
        chosen[:, i] = distance.argmax(dim=1)
    return chosen


def plain_ball(query: Tensor, points: Tensor, radius: float, count: int) -> Tensor:
    columns = points.shape[1]
    row = torch.arange(columns).masked_fill(torch.cdist(query, points) >= radius, columns)
    lowest = row.topk(count, largest=False).values.sort(dim=2).values
    return torch.where(lowest == columns, lowest[..., :1], lowest)


def plain_chamfer(first: Tensor, second: Tensor) -> Tensor:
    """One cloud at a time above 1024 points: all distances of 16 x 8192 would take 4.3 GB."""
    chunk = len(first) if first.shape[1] <= 1024 else 1
    with torch.no_grad():
        there, back = [], []
        for a, b in zip(first.split(chunk), second.split(chunk), strict=True):
            distance = torch.cdist(a, b)
            there.append(distance.min(dim=2).indices)
            back.append(distance.min(dim=1).indices)
    a, b = torch.cat(there)[..., None].expand(-1, -1, 3), torch.cat(back)[..., None].expand(-1, -1, 3)
    forth = (first - second.gather(1, a)).square().sum(dim=2).mean(dim=1)
    return forth + (second - first.gather(1, b)).square().sum(dim=2).mean(dim=1)


def plain_interpolate(query: Tensor, known: Tensor, features: Tensor) -> Tensor:
    near = torch.cdist(query, known).topk(3, largest=False)
    weight = 1 / (near.values.square() + 1e-8)
    weight = weight / weight.sum(dim=2, keepdim=True)
    batch = torch.arange(len(query))[:, None, None]
    return (features[batch, near.indices] * weight[..., None]).sum(dim=2)


def plain_voxels(cloud: Tensor, size: float) -> list[Tensor]:
    rows = []
    for points in cloud:
        cell = ((points - points.amin(dim=0)) / size).floor().long()
        _, inverse = torch.unique(cell, dim=0, return_inverse=True)
        lowest = torch.full((int(inverse.max()) + 1,), len(points))
        rows.append(lowest.scatter_reduce_(0, inverse, torch.arange(len(points)), "amin").sort().values)
    return rows
