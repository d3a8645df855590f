"""Write an encoder, plug it into a method, train it with your own loop: python examples/own_encoder.py.

A recipe names its encoders, so one that recipes shall find is announced by its package as an entry point:

    [project.entry-points."anaglyph.encoders"]
    moments = "my_package.moments:Moments"
"""

from pathlib import Path

import torch
from torch import Tensor, nn

import anaglyph
from anaglyph.data.loader import epoch_batches

CACHE = Path("runs/cache")


class Moments(nn.Module):
    """Means, spreads and correlations of the coordinates, then two layers. Anything with `embed_dim` will do.

    Args:
        embed_dim: D, size of the embedding.
    """

    def __init__(self, *, embed_dim: int = 64) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.layers = nn.Sequential(nn.Linear(15, 128), nn.ReLU(), nn.Linear(128, embed_dim))

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3) points, (B, N) bool `valid` -> (B, D)."""
        weight = torch.ones_like(points[..., :1]) if valid is None else valid[..., None].to(points.dtype)
        count = weight.sum(dim=1).clamp(min=1)  # (B, 1)
        mean = (points * weight).sum(dim=1) / count  # (B, 3)
        centred = (points - mean[:, None]) * weight
        second = torch.einsum("bni,bnj->bij", centred, centred).flatten(1) / count  # (B, 9)
        third = (centred**3).sum(dim=1) / count  # (B, 3)
        return self.layers(torch.cat([mean, 10 * second, 100 * third], dim=1))


def main() -> None:
    digits = anaglyph.create_dataset(anaglyph.DataConfig(name="digits3d"), "train", root=Path(), cache=CACHE)
    torch.manual_seed(0)
    encoders = {"image": anaglyph.create_encoder("digit_cnn", embed_dim=64, width=8), "shape": Moments()}
    method = anaglyph.create_method(
        "pair_contrast", {"embed_dim": 64}, encoders=encoders, objects=len(digits)
    )
    optimiser = torch.optim.AdamW(method.param_groups(), lr=2e-3)
    for epoch in range(2):
        losses = []
        for batch in epoch_batches(digits, seed=0, epoch=epoch, batch=200):
            output = method.training_step(batch)
            optimiser.zero_grad()
            output.loss.backward()
            optimiser.step()
            losses.append(float(output.loss.detach()))
        print(f"epoch {epoch}: loss {sum(losses) / len(losses):.3f}")


if __name__ == "__main__":
    main()
