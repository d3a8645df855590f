"""The plain transformer over point patches that Point-BERT introduced and its successors kept.

(Yu et al., 2022.) Point-MAE, ACT, ULIP and ULIP-2 use it with other widths, ReCon with other blocks; the
constructors with those names are in `point_bert`, `point_mae` and `recon`. State-dict keys are those of the
official files of fine-tuned networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_channels, require_positive
from anaglyph.encoders.classifier import HeadStyle, classifier
from anaglyph.nn.patch_embed import PatchEmbed, position_mlp
from anaglyph.nn.patches import Patches, PatchOptions, Start
from anaglyph.nn.transformer import Block, PositionedBlocks, drop_path_rates, start_small, thirds
from anaglyph.ops.checks import Shortage, require_points


class MaskedTokens(NamedTuple):
    """What came of a cloud some of whose patches were hidden."""

    tokens: Tensor
    """(B, L + G, D) after the last norm, as of `PointTransformer.tokens`."""
    patches: Tensor
    """(B, G, D) what the patches were before any was hidden, and before the first block."""
    masked: Tensor
    """(B, G) bool: the hidden ones."""
    points: Tensor
    """(B, G, K, 3) positions of each patch minus its centre, in model units."""


class PointTransformer(nn.Module):
    """Patches become tokens, a few learned tokens stand before them, blocks mix them all.

    The embedding is the learned tokens and the maximum over the patches side by side.

    Args:
        width: D of a token.
        depth: blocks.
        heads: of every attention.
        groups: G, patches per cloud; the weights do not depend on it.
        group_size: K, points per patch.
        patch_channels: width of the patch network, followed by a linear layer `reduce_dim` to D (Point-BERT);
            None for a patch network that gives D at once (Point-MAE and later).
        patch_widths: hidden widths of the patch network.
        in_channels: 3, or more with extra channels that the patch network sees.
        colours: channels 3 to 5 are red, green and blue, checked to lie in [0, 1].
        learned: names of the learned tokens, each with a position of its own.
        block: builds a block from (width, heads, drop_path=rate).
        drop_path: rate of the last block; from block to block it rises evenly from 0.
        start: first centre; "first" is the official code's, which depends on the order of the points.
        skip_near_origin: squared norm up to which points are no centres; 1e-3 for the official kernels.
        shortage: what to do with a cloud of fewer than G or K points.
        head_classes: adds `cls_head_finetune`, used by `logits` alone.
        head: its form.
    """

    def __init__(
        self,
        *,
        width: int = 384,
        depth: int = 12,
        heads: int = 6,
        groups: int = 64,
        group_size: int = 32,
        patch_channels: int | None = None,
        patch_widths: tuple[int, int, int] = (128, 256, 512),
        in_channels: int = 3,
        colours: bool = False,
        learned: Sequence[str] = ("cls",),
        block: Callable[..., nn.Module] = Block,
        drop_path: float = 0.1,
        start: Start = "farthest",
        skip_near_origin: float | None = None,
        shortage: Shortage = "refuse",
        head_classes: int | None = None,
        head: HeadStyle = "mlp3",
    ) -> None:
        super().__init__()
        require_positive(width=width, depth=depth)
        require_channels(in_channels, colours=colours)
        self.in_channels, self.colours = in_channels, colours
        self.patches = PatchOptions(
            groups=groups,
            group_size=group_size,
            start=start,
            skip_near_origin=skip_near_origin,
            shortage=shortage,
        )
        self.learned = tuple(learned)
        self.embed_dim = (len(self.learned) + 1) * width
        patch_width = width if patch_channels is None else patch_channels
        self.encoder = PatchEmbed(in_channels, patch_width, widths=patch_widths)
        self.reduce_dim = nn.Identity() if patch_channels is None else nn.Linear(patch_channels, width)
        for name in self.learned:
            self.register_parameter(f"{name}_token", nn.Parameter(torch.zeros(1, 1, width)))
            self.register_parameter(f"{name}_pos", nn.Parameter(torch.zeros(1, 1, width)))
        self.pos_embed = position_mlp(width)
        self.blocks = PositionedBlocks(
            block(width, heads, drop_path=rate) for rate in drop_path_rates(drop_path, depth)
        )
        self.norm = nn.LayerNorm(width)
        if head_classes is not None:
            self.cls_head_finetune = classifier(head, self.embed_dim, head_classes)
        start_small(self)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, embed_dim), not normalised."""
        return self.pooled(self.tokens(points, valid))

    def tokens(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) -> (B, L + G, D): the L learned tokens, then one per patch, after the last norm."""
        x, positions = self.embedded(points, valid)
        tokens: Tensor = self.norm(self.blocks(x, positions))
        return tokens

    def masked_tokens(
        self, points: Tensor, mask: Callable[[Tensor], Tensor], mask_token: Tensor
    ) -> MaskedTokens:
        """The tokens of clouds with hidden patches, whose places are still seen.

        Args:
            points: (B, N, C).
            mask: (B, G, 3) centres -> (B, G) bool, True hides a patch.
            mask_token: (D,) what stands for a hidden one, learned elsewhere.
        """
        centres, neighbourhoods = self._cut(points, None)
        patches = self.reduce_dim(self.encoder(neighbourhoods))
        masked = mask(centres)
        shown = torch.where(masked[..., None], mask_token.to(patches.dtype), patches)
        tokens: Tensor = self.norm(self.blocks(*self._joined(centres, shown)))
        return MaskedTokens(tokens, patches, masked, neighbourhoods[..., :3])

    def embedded(self, points: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Tokens before the first block and their positions, (B, L + G, D) each."""
        return self._joined(*self._patches(points, valid))

    def pooled(self, tokens: Tensor) -> Tensor:
        """(B, L + G, D) tokens -> (B, embed_dim): the learned ones and the maximum over the patches."""
        first = len(self.learned)
        return torch.cat([tokens[:, :first].flatten(1), tokens[:, first:].amax(dim=1)], dim=1)

    def features(
        self, points: Tensor, valid: Tensor | None = None, *, blocks: Sequence[int] | None = None
    ) -> list[Tensor]:
        """Tokens (B, L + G, D) after each of the named blocks, the first being 1, all through the norm.

        Without names: after each third of the blocks, as segmentation reads them.
        """
        after = thirds(len(self.blocks.blocks)) if blocks is None else blocks
        x, positions = self.embedded(points, valid)
        return [self.norm(output) for output in self.blocks.outputs(x, positions, after=after)]

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) -> (B, head_classes)."""
        if not hasattr(self, "cls_head_finetune"):
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.cls_head_finetune(self(points, valid))
        return scores

    def _patches(self, points: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, G, 3) centres and (B, G, D) patches."""
        centres, neighbourhoods = self._cut(points, valid)
        return centres, self.reduce_dim(self.encoder(neighbourhoods))

    def _cut(self, points: Tensor, valid: Tensor | None) -> Patches:
        require_points(points, valid, channels=self.in_channels, colours=self.colours)
        return self.patches.cut(points, valid)

    def _joined(self, centres: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        """The learned tokens before the patches, and the positions of all."""
        tokens = [*self._learned("token", len(patches)), patches]
        positions = [*self._learned("pos", len(patches)), self.pos_embed(centres)]
        return torch.cat(tokens, dim=1), torch.cat(positions, dim=1)

    def _learned(self, what: str, batch: int) -> list[Tensor]:
        return [self.get_parameter(f"{name}_{what}").expand(batch, -1, -1) for name in self.learned]
