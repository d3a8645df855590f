"""A step of CrossMoST as its published trainer writes it: the thing that ours is compared with.

The same networks; the teacher moved key by key with new tensors, masks and changes made item by item, losses
by masked selection.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.data.weak_strong import WeakStrong
from anaglyph.methods.crossmost.config import CrossMoSTConfig
from anaglyph.methods.crossmost.student import Student
from anaglyph.randomness import row_keys
from anaglyph.types import Batch


def plain_batches(data: WeakStrong, rows: range, *, epoch: int) -> list[tuple[Batch, Batch]]:
    """Each object by itself, as a loader without batches makes them."""
    return [(data.batch([r], epoch=epoch), data.batch([r], epoch=epoch, crop=1)) for r in rows]


class PlainStep:
    """Forward, backward, AdamW and the teacher."""

    def __init__(self, student: Student, config: CrossMoSTConfig) -> None:
        self.student, self.config = student.train(), config
        self.teacher = copy.deepcopy(student).requires_grad_(False).eval()
        self.optimiser = torch.optim.AdamW([p for p in student.parameters() if p.requires_grad], lr=1e-4)
        self.steps = 0

    def __call__(self, items: list[tuple[Batch, Batch]]) -> float:
        """One step over objects that come one by one; returns the loss."""
        student, config = self.student, self.config
        weak, strong = (_joined([pair[draw] for pair in items]) for draw in range(2))
        with torch.no_grad():
            said = [self.teacher.logits(self.teacher.vectors(m, weak)).softmax(1) for m in ("image", "shape")]
        (image_score, image_label), (shape_score, shape_label) = (p.max(dim=1) for p in said)
        shape_score = config.alpha * shape_score
        score = torch.maximum(image_score, shape_score)
        label = torch.where(image_score >= shape_score, image_label, shape_label)
        kept = score > config.threshold
        rows = row_keys(weak.keys, "plain", self.steps)
        loss = torch.zeros(())
        vectors = {}
        taught = {
            "image": student.image.taught(strong.require("images"), rows),
            "shape": student.shape.taught(strong.require("points"), rows),
        }
        for modality, seen in taught.items():
            logits = student.logits(seen.vectors)
            if kept.any():
                loss = loss + F.cross_entropy(logits[kept], label[kept])
            loss = loss - logits.softmax(dim=1).mean(dim=0).log().mean()
            for sums, weight in ((seen.rebuilt, 1.0), (seen.local, 0.2)):
                if sums is not None:
                    loss = loss + weight * sums.total.sum() / sums.counted.sum()
            vectors[modality] = F.normalize(seen.vectors, dim=1)
        cosines = vectors["shape"] @ vectors["image"].T
        target = torch.arange(len(cosines))
        loss = loss + F.cross_entropy(cosines, target) + F.cross_entropy(cosines.T, target)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        decay = 0.99 + (0.9998 - 0.99) * min(1.0, self.steps / 400)
        own = self.student.state_dict()
        moved = {key: _mixed(value, own[key], decay) for key, value in self.teacher.state_dict().items()}
        self.teacher.load_state_dict(moved)
        self.steps += 1


def _mixed(old: Tensor, new: Tensor, decay: float) -> Tensor:
    return old * decay + new * (1 - decay) if old.is_floating_point() else new


def _joined(batches: list[Batch]) -> Batch:
    return Batch(
        keys=tuple(batch.keys[0] for batch in batches),
        indices=torch.cat([batch.indices for batch in batches]),
        images=torch.cat([batch.require("images") for batch in batches]),
        points=torch.cat([batch.require("points") for batch in batches]),
    )
