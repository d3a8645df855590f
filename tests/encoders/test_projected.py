"""An encoder with a matrix behind it."""

import pytest
import torch

from anaglyph.encoders.projected import ProjectedEncoder

INNER = {
    "encoder": "point_mae",
    "options": {"width": 12, "depth": 1, "heads": 2, "groups": 4, "group_size": 3},
}


def test_the_embedding_is_the_feature_times_the_matrix():
    module = ProjectedEncoder(**INNER, embed_dim=5).eval()
    points = torch.rand(2, 20, 3)
    torch.testing.assert_close(module(points), module.encoder(points) @ module.projection)
    assert (module.projection.shape, module.in_channels) == ((24, 5), 3)
    assert module.tokens(points).shape == (2, 5, 12)


def test_padding_does_not_change_the_embedding():
    module = ProjectedEncoder(**INNER, embed_dim=5).eval()
    points = torch.rand(2, 20, 3)
    padded, valid = torch.cat([points, torch.full((2, 3, 3), 9.0)], 1), (torch.arange(23) < 20).expand(2, -1)
    torch.testing.assert_close(module(padded, valid), module(points))


def test_it_projects_neither_itself_nor_to_nothing():
    with pytest.raises(ValueError, match="another one"):
        ProjectedEncoder(encoder="projected")
    with pytest.raises(ValueError):
        ProjectedEncoder(**INNER, embed_dim=0)


def test_an_encoder_without_tokens_says_so():
    module = ProjectedEncoder(encoder="pointnet_small", options={"embed_dim": 4, "widths": (4,)}, embed_dim=3)
    with pytest.raises(ValueError, match="has no tokens"):
        module.tokens(torch.rand(1, 5, 3))
