"""A layer shared by all points and its batch normalisation, over rows.

Point networks are published as convolutions of size 1 over (B, C, M, K). Here the same parameters, with the
same names and shapes, act on (..., C) rows: one matrix product and no transposed copies. In eval mode the
normalisation is folded into the weights, so it costs nothing. In training the bias, which the normalisation
takes away again, is left out of the values and added to the running mean: near-equal values on top of a
bias lose their variance to rounding (mean error of PointNet++'s first level 4.5e-4 with it, 6e-5 without).

The layers are read, never called: hooks on them do not run, and of a wrapper put in their place, such as a
LoRA layer, only its `weight` and `bias` count. `torch.nn.utils.parametrize` works; hooks belong on blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.padding import scatter_rows

SharedLayer = nn.Linear | nn.Conv1d | nn.Conv2d
"""A linear map of channels; convolutions must be of size 1."""
NormedLayer = tuple[SharedLayer, BatchNorm]


def normed_linear(rows: Tensor, layer: SharedLayer, norm: BatchNorm) -> Tensor:
    """(..., C) rows -> (..., D), normalised over all of them."""
    weight, shift = prepared(layer, norm)
    return finished(F.linear(rows, weight, shift), layer, norm)


def normed_linear_at_edges(
    edges: Tensor, per_row: Tensor, layer: SharedLayer, norm: BatchNorm, index: Tensor
) -> Tensor:
    """The layer over [e ; x_j] for edge features e and the features x of the row that an edge points to.

    The part of the weight for x is applied once a row and gathered, not once an edge: W [e ; x_j] =
    W_e e + (W_x x)_j. The same up to rounding, with M K / N times fewer products in W_x.

    Args:
        edges: (..., K, E).
        per_row: (B, N, C).
        layer: with E + C input channels.
        norm: of its result.
        index: (R, K) rows of `per_row.flatten(0, 1)`, as many as there are edges.

    Returns:
        (R * K, D), normalised over all of them.
    """
    weight, shift = prepared(layer, norm)
    of_edge, of_row = halves(weight, edges.shape[-1])
    at_rows = F.linear(per_row.flatten(0, 1), of_row, shift)  # (B * N, D)
    gathered = at_rows.index_select(0, index.flatten())
    return finished(torch.addmm(gathered, edges.flatten(0, -2), of_edge.t()), layer, norm)


def normed_linear_of_clouds(whole: Tensor, rows: Tensor, cloud: Tensor, layer: NormedLayer) -> Tensor:
    """The layer over [what is known of the cloud ; a point's features], the first half once per cloud.

    Args:
        whole: (B, W).
        rows: (R, C).
        cloud: (R,) which cloud a row belongs to.
        layer: with W + C input channels.

    Returns:
        (R, D), normalised over all rows.
    """
    weight, shift = prepared(*layer)
    of_whole, of_row = halves(weight, whole.shape[1])
    return finished(torch.addmm(F.linear(whole, of_whole, shift)[cloud], rows, of_row.t()), *layer)


def prepared(layer: SharedLayer, norm: BatchNorm) -> tuple[Tensor, Tensor | None]:
    """(D, C) weight and (D,) shift to compute with; what comes out goes through `finished`."""
    if not norm.training:
        return folded(matrix(layer), layer.bias, norm)
    if layer.bias is None:
        return matrix(layer), None
    return matrix(layer), layer.bias - layer.bias.detach()  # 0, and still part of the graph


def finished(values: Tensor, layer: SharedLayer, norm: BatchNorm) -> Tensor:
    """The normalised (..., D) results of a layer whose weights were `prepared`."""
    if not norm.training:
        return values
    rows = normalise_rows(values, norm)
    if layer.bias is not None:  # .data: as the normalisation itself, without a new version for autograd
        norm.running_mean.data.add_(layer.bias.data, alpha=norm.momentum)
    return rows


def normalise_rows(rows: Tensor, norm: BatchNorm) -> Tensor:
    """`norm` over (..., D) rows with the channels last."""
    if rows.ndim == 2:
        normalised: Tensor = norm(rows)
        return normalised
    return normalise_rows(rows.flatten(0, -2), norm).view_as(rows)


def folded(weight: Tensor, shift: Tensor | None, norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """(D, C) weight and (D,) shift of a linear layer followed by `norm` with its running statistics."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    centre = norm.running_mean if shift is None else norm.running_mean - shift
    return weight * scale[:, None], norm.bias - centre * scale


def halves(weight: Tensor, first: int) -> tuple[Tensor, Tensor]:
    """A (D, C) weight as what is for the `first` input channels and what is for the others."""
    return weight[:, :first], weight[:, first:]


def matrix(layer: SharedLayer) -> Tensor:
    """The (D, C) weight of a layer."""
    return layer.weight.flatten(1)


def layer_lists(
    widths: Sequence[int], *, kind: type[nn.Conv1d] | type[nn.Conv2d] = nn.Conv2d
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Convolutions of size 1 with a bias, and their normalisations, from width to width."""
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths must name input and output, each >= 1, got {tuple(widths)}")
    layers = nn.ModuleList(kind(before, after, 1) for before, after in pairwise(widths))
    return layers, nn.ModuleList(BatchNorm(after) for after in widths[1:])


def paired(layers: nn.ModuleList, norms: nn.ModuleList) -> list[NormedLayer]:
    """What `layer_lists` made, layer by layer."""
    return cast("list[NormedLayer]", list(zip(layers, norms, strict=True)))


def shared_mlp(rows: Tensor, layers: Iterable[NormedLayer]) -> Tensor:
    """Layer, normalisation and ReLU, again and again: (..., C) rows -> (..., D)."""
    flat = rows.flatten(0, -2)  # in place below only works on what is no view
    for layer, norm in layers:
        flat = F.relu_(normed_linear(flat, layer, norm))
    return flat.view(*rows.shape[:-1], flat.shape[1])


def shared_mlp_of_valid(rows: Tensor, layers: Sequence[NormedLayer], valid: Tensor | None) -> Tensor:
    """`shared_mlp` of (B, N, C) without the padding rows, which come back as 0."""
    if valid is None:
        return shared_mlp(rows, layers)
    return scatter_rows(shared_mlp(rows[valid], layers), valid)
