"""Training pictures in one another's colours: CMIC's augmentation (Lin et al., 2021; Reinhard et al., 2001).

    out = (content - mean_content) * (deviation_style / deviation_content) + mean_style    per L*a*b* channel

The release takes statistics of whole pictures and styles of the same batch. Ours on top: statistics of object
and background separately, mixed by the soft mask; and a pool of the statistics of earlier pictures. The pool
is a buffer, so a resumed run has it; draws come from torch's generator on the CPU, which the engine seeds for
every step, so they do not depend on the device.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from anaglyph.nn.gather import gather_rows
from anaglyph.ops.colour import lab_to_rgb, rgb_to_lab

SMALLEST_VARIANCE = 1e-6
_RELEASED_SCALE = 255.0


class ColourTransfer(nn.Module):
    """Restyles a batch; only to be called in training.

    Args:
        probability: of each picture to be changed.
        parts: "picture" or "parts", see `region_weights`.
        pool: pictures remembered beside the batch; 0 draws a permutation of the batch, as the release.
        largest_gain: limit of deviation_style / deviation_content, None for none.
        released_lab: RGB times 255 into formulas for [0, 1].
    """

    pool: Tensor
    stored: Tensor

    def __init__(
        self,
        *,
        probability: float = 1.0,
        parts: Literal["picture", "parts"] = "picture",
        pool: int = 0,
        largest_gain: float | None = None,
        released_lab: bool = False,
    ) -> None:
        super().__init__()
        self.probability, self.parts, self.largest_gain = probability, parts, largest_gain
        self.scale = _RELEASED_SCALE if released_lab else 1.0
        regions = 2 if parts == "parts" else 1
        self.register_buffer("pool", torch.zeros(pool, 2, regions, 3), persistent=pool > 0)
        self.register_buffer("stored", torch.zeros((), dtype=torch.int64), persistent=pool > 0)
        self._pending: Tensor | None = None

    @torch.no_grad()
    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1], (B, 1, H, W) masks in [0, 1] -> (B, 3, H, W) in [0, 1], float32."""
        if self.probability == 0.0 or len(images) == 0:
            return images
        with torch.autocast(images.device.type, enabled=False):
            lab = rgb_to_lab(images.float() * self.scale)
            weights = region_weights(masks.float(), self.parts)
            own = region_statistics(lab, weights)
            style = self._styles(own)
            moved = restyled(lab, weights, own, style, largest_gain=self.largest_gain)
            changed = (lab_to_rgb(moved) / self.scale).clamp(0.0, 1.0)
            drawn = torch.rand(len(images)).to(images.device) < self.probability
            self._pending = own if len(self.pool) else None
            return torch.where(drawn[:, None, None, None], changed, images.float())

    @torch.no_grad()
    def remember(self) -> None:
        """Put the statistics of the last batch, of all processes, into the pool; the oldest go.

        Called once the step was taken, so that a refused batch leaves nothing behind.
        """
        if self._pending is None:
            return
        rows = gather_rows(self._pending)[-len(self.pool) :]
        self._pending = None
        places = (self.stored + torch.arange(len(rows), device=rows.device)) % len(self.pool)
        self.pool[places] = rows
        self.stored += len(rows)

    def _styles(self, own: Tensor) -> Tensor:
        """(B, 2, R, 3) statistics of each picture -> of the picture that lends it its colours."""
        if len(self.pool) == 0:
            return own[torch.randperm(len(own)).to(own.device)]
        known = self.stored.clamp(max=len(self.pool)) + len(own)
        draws = torch.rand(len(own), dtype=torch.float64).to(own.device)
        return torch.cat([own, self.pool])[(draws * known).long()]


def region_weights(masks: Tensor, parts: Literal["picture", "parts"]) -> Tensor:
    """(B, 1, H, W) masks in [0, 1] -> (B, R, H, W) shares of the regions in each pixel, 1 together.

    "picture" has one region; "parts" has the object and what is around it.
    """
    if parts == "picture":
        return torch.ones_like(masks)
    inside = masks.clamp(0.0, 1.0)
    return torch.cat([inside, 1.0 - inside], dim=1)


def region_statistics(lab: Tensor, weights: Tensor) -> Tensor:
    """(B, 3, H, W) pictures, (B, R, H, W) shares -> (B, 2, R, 3) mean and standard deviation of each channel.

    Unbiased; the variance is at least 1e-6. A region of less than one pixel gets those of the whole picture.
    """
    mean, deviation = _moments(lab, weights)
    whole_mean, whole_deviation = _moments(lab, torch.ones_like(weights[:, :1]))
    absent = (weights.sum(dim=(2, 3)) < 1.0)[..., None]  # (B, R, 1)
    return torch.stack(
        [torch.where(absent, whole_mean, mean), torch.where(absent, whole_deviation, deviation)], dim=1
    )


def restyled(
    lab: Tensor, weights: Tensor, own: Tensor, style: Tensor, *, largest_gain: float | None = None
) -> Tensor:
    """(B, 3, H, W) pictures with statistics `own` -> the same with those of `style`, region by region.

    Args:
        lab: (B, 3, H, W).
        weights: (B, R, H, W) shares of the regions.
        own: (B, 2, R, 3) of these pictures.
        style: (B, 2, R, 3) wanted.
        largest_gain: limit of the stretching, None for none.
    """
    gain = style[:, 1] / own[:, 1]  # (B, R, 3)
    if largest_gain is not None:
        gain = gain.clamp(max=largest_gain)
    centred = lab[:, None] - own[:, 0, ..., None, None]  # (B, R, 3, H, W)
    moved = centred * gain[..., None, None] + style[:, 0, ..., None, None]
    return (weights[:, :, None] * moved).sum(dim=1)


def _moments(lab: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(B, R, 3) mean and deviation; the divisor is N - 1 where all shares are 1."""
    total = weights.sum(dim=(2, 3))[..., None]  # (B, R, 1)
    tiny = torch.finfo(lab.dtype).tiny
    share = weights[:, :, None]  # (B, R, 1, H, W)
    mean = (share * lab[:, None]).sum(dim=(3, 4)) / total.clamp(min=tiny)
    centred = lab[:, None] - mean[..., None, None]
    degrees = total - share.square().sum(dim=(3, 4)) / total.clamp(min=tiny)
    variance = (share * centred.square()).sum(dim=(3, 4)) / degrees.clamp(min=tiny)
    return mean, variance.clamp(min=SMALLEST_VARIANCE).sqrt()
