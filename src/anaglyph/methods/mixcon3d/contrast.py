"""The contrastive pairs of a method, each with its scale, over the rows of all processes (MixCon3D)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.losses.false_negatives import fitting_texts
from anaglyph.losses.multi_positive import paired_sets_nce
from anaglyph.losses.paired import local_paired_nce, paired_nce
from anaglyph.losses.reduction import at_least_float32
from anaglyph.losses.sigmoid import START_BIAS, START_SCALE, local_paired_sigmoid
from anaglyph.methods.mixcon3d.config import Clamp
from anaglyph.nn.gather import first_row, gather_rows, processes
from anaglyph.nn.log_scale import LARGEST, START, LogScale
from anaglyph.types import Batch

Loss = Literal["infonce", "infonce_local", "sigmoid", "decoupled", "joint"]
SIDES: Mapping[str, tuple[str, str]] = {
    "shape_image": ("shape", "image"),
    "shape_text": ("shape", "text"),
    "image_text": ("image", "text"),
    "fused_text": ("fused", "text"),
}
"""Pair -> the vectors that it contrasts."""
LOCAL = ("sigmoid", "infonce_local")
"""Losses of a process's own rows against the columns of all."""
RELEASED_CLAMPED = ("shape_image", "shape_text")
ROWS_AT_ONCE = 512
"""Rows of the sigmoid loss whose similarities are held at a time."""


class Contrast(nn.Module):
    """Losses of pairs of vectors; its parameters are the scales, and the biases of the sigmoid loss.

    Args:
        pairs: keys of `SIDES`.
        loss: how a pair is contrasted.
        shared_scale: one scale for all pairs, instead of one each.
        clamp: which scales `clamp` keeps in [1, 100].
        hardness: see `losses.paired`.
        margin: see `losses.false_negatives`; None keeps all negatives.
        start: the scales' first value; None is the loss's own.
        detached: rows of other processes carry no gradient, as in ULIP's release. For losses of own rows.
    """

    def __init__(
        self,
        pairs: Iterable[str],
        *,
        loss: Loss = "infonce",
        shared_scale: bool = False,
        clamp: Clamp = "all",
        hardness: float = 0.0,
        margin: float | None = None,
        start: float | None = None,
        detached: bool = False,
    ) -> None:
        super().__init__()
        self.pairs, self.loss, self.hardness, self.margin = tuple(pairs), loss, hardness, margin
        self.shared_scale, self.detached = shared_scale, detached
        if detached and loss not in LOCAL:
            raise ValueError(f"detached rows teach nothing with loss {loss}; take one of {', '.join(LOCAL)}")
        if start is None:
            start = START_SCALE if loss == "sigmoid" else START
        names = ("shared",) if shared_scale else self.pairs
        clamped = {"all": names, "released": RELEASED_CLAMPED, "none": ()}[clamp]
        self.scales = nn.ModuleDict(
            {name: LogScale(start=start, largest=LARGEST if name in clamped else None) for name in names}
        )
        self.biases = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor([START_BIAS])) for name in names} if loss == "sigmoid" else {}
        )

    def forward(
        self,
        vectors: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        groups: Tensor | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses of the pairs, and the same with the scales for the log.

        A loss may be one process's share: the mean over processes is the loss of the joined batch.

        Args:
            vectors: name -> (B, K, D), K items of each object, not normalised. K is 1 for all losses but
                `decoupled` and `joint`.
            present: name -> (B, K) bool where items may be missing.
            groups: (B,) int64 the group of look-alikes of each object, within which false negatives are
                looked for; None looks at all pairs.
        """
        sides = {side for pair in self.pairs for side in SIDES[pair]}
        if self.margin is not None:
            sides |= {"image", "text"}
        own = {name: F.normalize(at_least_float32(vectors[name]), dim=-1) for name in sorted(sides)}
        cut = self.detached and processes() > 1
        every = {name: gather_rows(unit.detach() if cut else unit) for name, unit in own.items()}
        there = {name: gather_rows(mask) for name, mask in sorted(present.items()) if name in sides}
        exclude = self._fitting(own, every, present, there, groups)
        losses = {pair: self._pair(pair, own, every, there, exclude) for pair in self.pairs}
        log = {pair: gather_rows(loss.detach().reshape(1)).mean() for pair, loss in losses.items()}
        log |= {f"scale_{name}": scale() for name, scale in self.scales.items()}
        return losses, log

    def clamp(self) -> None:
        """Scales back into their bounds; for after an optimiser step."""
        for scale in self.scales.values():
            assert isinstance(scale, LogScale)
            scale.clamp()

    def _pair(
        self,
        pair: str,
        own: Mapping[str, Tensor],
        every: Mapping[str, Tensor],
        there: Mapping[str, Tensor],
        exclude: Tensor | None,
    ) -> Tensor:
        left, right = SIDES[pair]
        name = "shared" if self.shared_scale else pair
        scale: Tensor = self.scales[name]()
        if self.loss in ("decoupled", "joint"):
            return paired_sets_nce(
                every[left], every[right], scale=scale, first_present=there.get(left),
                second_present=there.get(right), exclude=exclude,
                form="joint" if self.loss == "joint" else "decoupled",
            )  # fmt: skip
        present = None
        for side in (left, right):
            if side in there:
                present = there[side][:, 0] if present is None else present & there[side][:, 0]
        first, second, all_first, all_second = (
            side[:, 0] for side in (own[left], own[right], every[left], every[right])
        )
        start = first_row(len(first))
        if self.loss == "sigmoid":
            return local_paired_sigmoid(
                first, all_second, start=start, scale=scale, bias=self.biases[name][0], present=present,
                exclude=exclude, rows_at_once=ROWS_AT_ONCE,
            )  # fmt: skip
        if self.loss == "infonce_local":
            return local_paired_nce(
                first, second, all_first, all_second, start=start, scale=scale, present=present,
                exclude=exclude, hardness=self.hardness,
            )  # fmt: skip
        return paired_nce(
            all_first, all_second, scale=scale, present=present, exclude=exclude, hardness=self.hardness
        )

    def _fitting(
        self,
        own: Mapping[str, Tensor],
        every: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        there: Mapping[str, Tensor],
        groups: Tensor | None,
    ) -> Tensor | None:
        """(rows, all rows) bool of false negatives; rows are this process's where the loss is local."""
        if self.margin is None:
            return None
        local = self.loss in LOCAL
        rows, masks = (own, present) if local else (every, there)
        image, text = _mean(rows["image"], masks.get("image")), _mean(rows["text"], masks.get("text"))
        columns = _mean(every["text"], there.get("text"))
        alike = None
        if groups is not None:
            everyones = gather_rows(groups)
            alike = (groups if local else everyones, everyones)
        fits = fitting_texts(image, columns, text, delta=self.margin, groups=alike)
        for mask, axis in ((masks.get("text"), 1), (there.get("text"), 0)):
            if mask is not None:  # nothing is known of objects without a text
                fits = fits & mask.any(dim=1).unsqueeze(axis)
        return fits


def groups_of(batch: Batch) -> dict[str, Tensor]:
    """What `encode` hands on of a batch made of look-alikes, as "group"; nothing of any other."""
    return {} if batch.groups is None else {"group": batch.groups}


def _mean(items: Tensor, present: Tensor | None) -> Tensor:
    """(B, K, D) -> (B, D) unit mean over the items there are."""
    if present is not None:
        items = items * present[..., None].to(items.dtype)
    return F.normalize(items.sum(dim=1), dim=-1)
