"""Which objects of a batch are no negatives of each other: those whose texts fit the other's picture as well.

In batches of look-alikes many "negatives" are right answers. OpenShape (Liu et al., 2023; dossier MixCon3D,
2.4) removes j from i's negatives when

    sim(text_j, image_i) + delta > sim(text_i, image_i)

Its code multiplies their logits by 0, which leaves them in the softmax with exp(0); here they are taken out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32, full_precision


@torch.no_grad()
def fitting_texts(
    image: Tensor,
    text: Tensor,
    own_text: Tensor,
    *,
    delta: float = 0.1,
    groups: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """(B, N) bool for the `exclude` of a loss: True where object j is no negative of object i.

    Args:
        image: (B, D) unit vectors of the rows.
        text: (N, D) unit vectors of the columns.
        own_text: (B, D) unit vectors of the rows' own texts.
        delta: how much worse a text may fit and still be right, in cosines.
        groups: (B,) and (N,) int64, the group of look-alikes that rows and columns were drawn from; only
            columns of a row's own group are taken out. None looks at all, for batches drawn at random.
    """
    with full_precision(image):
        image, text, own_text = (at_least_float32(vectors) for vectors in (image, text, own_text))
        fits = image @ text.T + delta > (image * own_text).sum(dim=1, keepdim=True)
    return fits if groups is None else fits & (groups[0][:, None] == groups[1])
