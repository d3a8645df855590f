"""Scores of `name_objects`, by a namer whose answers are known."""

import numpy as np
import pytest
import torch

from anaglyph.engine.classify import LEAST, Unnamed, name_objects


class Fixed:
    """Says class 0 of every object by picture and by points, with the same sureness."""

    name, classes, pixels = "fixed", ("a", "b", "c"), 8

    def logits(self, modality, objects):
        return torch.tensor([[2.0, 1.0, 0.0]]).repeat(len(objects), 1)


def test_agreement_on_every_object_leaves_room_for_doubt():
    """Laplace's rule of succession: 20 of 20 make the next one right in 21 of 22."""
    objects = [
        Unnamed(str(place), np.zeros((1, 3, 8, 8), np.uint8), np.zeros((4, 3))) for place in range(LEAST)
    ]
    named = name_objects(objects, Fixed())
    assert named.agreement == 1
    assert named.top(0, 1)[0][1] == pytest.approx((LEAST + 1) / (LEAST + 2), abs=1e-6)
    assert [name for name, _ in named.top(0, 3)] == ["a", "b", "c"]
