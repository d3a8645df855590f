"""ACT's Stage I (Dong et al., 2023): a discrete autoencoder of patches with a picture model in its middle.

    patches -> tokens -> graph network -> one of 8192 words each -> ViT-B blocks with learned prompts
            -> graph network -> latents -> folding decoder -> points

The latents are what Stage II's student learns to predict. Words are chosen by argmax here: nothing is drawn,
so the choice carries no gradient; training draws them (dossier ACT, 1.5). The blocks are those of timm's
`vit_base_patch16_384`, frozen in the paper. State-dict keys are the official ones.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive
from anaglyph.nn.centre_graph import NEIGHBOURS, CentreGraph
from anaglyph.nn.folding import FoldingDecoder
from anaglyph.nn.patch_embed import PatchEmbed, position_mlp
from anaglyph.nn.patches import Patches, PatchOptions, Start
from anaglyph.nn.transformer import Block
from anaglyph.ops.checks import Shortage, require_points
from anaglyph.ops.knn import k_nearest

TIMM_EPS = 1e-6
"""Of the LayerNorms in timm's vision transformers; torch's default is ten times that."""


class Reconstruction(NamedTuple):
    """A cloud as the decoder sees it, in model units."""

    coarse: Tensor
    """(B, 8 G, 3)."""
    fine: Tensor
    """(B, 32 G, 3)."""


class ACTAutoencoder(nn.Module):
    """The teacher; its embedding is the maximum of the latents over the patches.

    Args:
        width: D of a token, a multiple of 4; also the size of the embedding.
        visual_width: of the picture model.
        depth: its blocks.
        heads: of its attentions.
        prompts: learned tokens before the patches, others in every block.
        words: of the codebook, a multiple of 4.
        graph_widths: of both graph networks.
        decoder_widths: hidden channels of the decoder's two MLPs.
        groups: G, patches per cloud; the weights do not depend on it.
        group_size: K, points per patch.
        prompt_dropout: on the prompts, not on their positions, while training.
        start: first centre; "first" is the official code's, which depends on the order of the points.
        skip_near_origin: squared norm up to which points are no centres; 1e-3 for the official kernels.
        shortage: what to do with a cloud of fewer than G or K points.
    """

    in_channels = 3

    def __init__(
        self,
        *,
        width: int = 384,
        visual_width: int = 768,
        depth: int = 12,
        heads: int = 12,
        prompts: int = 64,
        words: int = 8192,
        graph_widths: tuple[int, int, int, int, int] = (128, 256, 512, 512, 1024),
        decoder_widths: tuple[int, int] = (1024, 512),
        groups: int = 64,
        group_size: int = 32,
        prompt_dropout: float = 0.1,
        start: Start = "farthest",
        skip_near_origin: float | None = None,
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        require_positive(width=width, depth=depth, prompts=prompts)
        self.embed_dim, self.prompts = width, prompts
        self.patches = PatchOptions(
            groups=groups,
            group_size=group_size,
            start=start,
            skip_near_origin=skip_near_origin,
            shortage=shortage,
        )
        self.encoder = PatchEmbed(3, width)
        self.dgcnn_1 = CentreGraph(width, words, widths=graph_widths)
        self.codebook = nn.Parameter(torch.randn(words, width))
        self.proj_pre = nn.Linear(width, visual_width)
        self.visual_pos_embed = position_mlp(visual_width)
        self.visual_prompt_token = _prompts(1, prompts, visual_width)
        self.visual_prompt_pos = _prompts(1, prompts, visual_width)
        self.deep_prompt_tokens = _prompts(depth - 1, prompts, visual_width)
        self.deep_prompt_pos = _prompts(depth - 1, prompts, visual_width)
        self.prompt_dropout = nn.Dropout(prompt_dropout)
        blocks = nn.ModuleList(Block(visual_width, heads, bias=True) for _ in range(depth))
        self.visual_embed = nn.ModuleList([blocks, nn.LayerNorm(visual_width)])
        for module in self.visual_embed.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = TIMM_EPS
        self.proj_post = nn.Linear(visual_width, width)
        self.dgcnn_2 = CentreGraph(width, width, widths=graph_widths)
        self.decoder = FoldingDecoder(width, hidden=decoder_widths[0], folding=decoder_widths[1])

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3) points in the unit sphere, (B, N) bool `valid` -> (B, D)."""
        return self.tokens(points, valid).amax(dim=1)

    def tokens(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3) -> (B, G, D), the latent of every patch: the target of Stage II."""
        return self._latents(points, valid)[0]

    def words(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3) -> (B, G) int64, the word of the codebook that each patch is taken for."""
        centres, neighbourhoods = self._cut(points, valid)
        return self._scores(centres, neighbourhoods)[0].argmax(dim=2)

    def reconstruct(self, points: Tensor, valid: Tensor | None = None) -> Reconstruction:
        """(B, N, 3) -> the cloud from its latents alone and the centres of its patches."""
        latents, centres = self._latents(points, valid)
        coarse, fine = (part + centres[:, :, None, :] for part in self.decoder(latents))
        return Reconstruction(coarse.flatten(1, 2), fine.flatten(1, 2))

    def _latents(self, points: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, G, D) and the centres (B, G, 3)."""
        centres, neighbourhoods = self._cut(points, valid)
        scores, near = self._scores(centres, neighbourhoods)
        chosen = F.embedding(scores.argmax(dim=2), self.codebook)  # (B, G, D)
        latents: Tensor = self.dgcnn_2(self._seen(chosen, centres), near)
        return latents, centres

    def _cut(self, points: Tensor, valid: Tensor | None) -> Patches:
        require_points(points, valid, channels=3)
        return self.patches.cut(points, valid)

    def _scores(self, centres: Tensor, neighbourhoods: Tensor) -> tuple[Tensor, Tensor]:
        """(B, G, V) scores of the words and (B, G, 4) nearest centres."""
        near = k_nearest(centres, centres, NEIGHBOURS, shortage=self.patches.shortage)
        scores: Tensor = self.dgcnn_1(self.encoder(neighbourhoods), near)
        return scores, near

    def _seen(self, chosen: Tensor, centres: Tensor) -> Tensor:
        """What the picture model makes of the words, (B, G, D) -> (B, G, D)."""
        patches = self.proj_pre(chosen)
        patch_positions = self.visual_pos_embed(centres)
        tokens = torch.cat([self.visual_prompt_token, self.deep_prompt_tokens])  # (depth, P, visual_width)
        positions = torch.cat([self.visual_prompt_pos, self.deep_prompt_pos])
        blocks, norm = self.visual_embed
        for prompt, place, block in zip(tokens, positions, blocks, strict=True):  # type: ignore[call-overload]
            # Prompts are new in every block, and positions are added before every block, not once.
            prompt = self.prompt_dropout(prompt.expand(len(patches), -1, -1))
            place = place.expand(len(patches), -1, -1)
            x = torch.cat([prompt, patches], dim=1) + torch.cat([place, patch_positions], dim=1)
            patches = block(x)[:, self.prompts :]
        seen: Tensor = self.proj_post(norm(patches))
        return seen


def _prompts(blocks: int, prompts: int, width: int) -> nn.Parameter:
    tokens = nn.Parameter(torch.zeros(blocks, prompts, width))
    nn.init.trunc_normal_(tokens, std=0.02)
    return tokens
