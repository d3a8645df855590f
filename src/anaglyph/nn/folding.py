"""A decoder from a patch's feature to its points (FoldingNet, Yang et al., 2018; as in Point-BERT's dVAE).

An MLP gives a few coarse points; around each, a small square grid is folded into shape:

    fine = coarse + f([feature ; grid ; coarse])

Not in the dossier; as in the official code: the order of the grid's corners, the first coordinate fastest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.pointwise import Pointwise

COARSE = 8
"""Points of the MLP, per patch."""
GRID_SIDE = 0.05
"""Half the side of the grid, in model units; its four corners are folded."""
FINE = 4 * COARSE


class FoldingDecoder(nn.Module):
    """State-dict keys are the official ones: mlp.{0,2,4}, final_conv.{0,1,3,4,6}.

    Args:
        width: channels of a patch's feature.
        hidden: of the coarse MLP.
        folding: channels of the folding MLP.
    """

    def __init__(self, width: int, *, hidden: int = 1024, folding: int = 512) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 3 * COARSE),
        )
        self.final_conv = nn.Sequential(
            Pointwise(width + 2 + 3, folding),
            BatchNorm(folding),
            nn.ReLU(),
            Pointwise(folding, folding),
            BatchNorm(folding),
            nn.ReLU(),
            Pointwise(folding, 3),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, G, width) -> (B, G, 8, 3) coarse and (B, G, 32, 3) fine points around the patch's centre."""
        batch, groups = features.shape[:2]
        coarse = self.mlp(features).view(batch, groups, COARSE, 3)
        low, high = -GRID_SIDE, GRID_SIDE
        corners = [[low, low], [high, low], [low, high], [high, high]]
        grid = torch.tensor(corners, dtype=features.dtype, device=features.device)  # (4, 2)
        shape = (batch, groups, COARSE, len(grid))
        around = coarse[:, :, :, None, :].expand(*shape, 3)
        inputs = torch.cat(
            [
                features[:, :, None, None, :].expand(*shape, features.shape[2]),
                grid.expand(*shape, 2),
                around.to(features.dtype),
            ],
            dim=4,
        )
        offsets: Tensor = self.final_conv(inputs.flatten(0, 3)).view(*shape, 3)
        return coarse, (around + offsets).flatten(2, 3)
