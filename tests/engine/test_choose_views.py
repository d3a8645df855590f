"""Choosing views leaves everything else of a batch in its place."""

import pytest
import torch

from anaglyph.engine.evaluate import choose_views
from anaglyph.errors import ConfigError
from anaglyph.types import Batch


def batch():
    return Batch(
        keys=("a", "b"),
        indices=torch.tensor([0, 1]),
        images=torch.arange(8.0).reshape(2, 4, 1, 1, 1),
        points=torch.zeros(2, 5, 3),
        labels=torch.tensor([1, 0]),
        masks=torch.ones(2, 4, 1, 1, 1),
    )


def test_evenly_spaced_views_are_kept_and_every_other_field_stays():
    chosen = choose_views(batch(), 2)
    assert chosen.images.flatten().tolist() == [0, 2, 4, 6]
    assert chosen.labels.tolist() == [1, 0]
    assert chosen.image_features is None
    assert chosen.points.shape == (2, 5, 3)
    assert chosen.masks is not None


def test_vectors_of_views_are_chosen_like_views():
    vectors = Batch(
        keys=("a",), indices=torch.tensor([0]), image_features=torch.arange(12.0).reshape(1, 6, 2)
    )
    assert choose_views(vectors, 3).image_features[0, :, 0].tolist() == [0, 4, 8]
    assert choose_views(vectors, None) is vectors


def test_more_views_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="5 views are asked for; the pictures have 1 to 4"):
        choose_views(batch(), 5)
