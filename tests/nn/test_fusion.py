"""The maps behind frozen features: adapters, pooling of views, fusion of shape and picture."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from anaglyph.nn.adapter import Adapter
from anaglyph.nn.fusion import Fusion
from anaglyph.nn.view_pooling import ViewPooling
from anaglyph.randomness import torch_generator


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch_generator("draw", seed))


def test_a_linear_adapter_is_one_affine_map_of_every_row():
    adapter = Adapter("linear", 3, 2)
    (layer,) = adapter.layers
    features = draw(2, 4, 3)
    expected = torch.einsum("btc,dc->btd", features, layer.weight) + layer.bias
    torch.testing.assert_close(adapter(features), expected)


def test_an_mlp_adapter_is_two_maps_with_a_gelu_between():
    kinds = [type(layer) for layer in Adapter("mlp", 3, 5).layers]
    assert kinds == [nn.Linear, nn.GELU, nn.Linear]
    assert Adapter("mlp", 3, 5)(draw(2, 3)).shape == (2, 5)


def test_no_head_passes_features_through_in_single_precision():
    features = draw(4, 3).bfloat16()
    assert torch.equal(Adapter("none", 3, 3)(features), features.float())
    with pytest.raises(ValueError, match="in_dim must equal out_dim, got 3 and 4"):
        Adapter("none", 3, 4)


def test_autocast_does_not_round_the_features():
    adapter, features = Adapter("linear", 64, 8), draw(4, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = adapter(features)
    assert torch.equal(inside, adapter(features))


@pytest.mark.parametrize("kind", ["mean", "max", "mean_linear", "max_linear"])
def test_the_order_of_views_does_not_matter(kind):
    pooling, views = ViewPooling(kind, 6), draw(3, 5, 6)
    torch.testing.assert_close(pooling(views[:, [3, 0, 4, 1, 2]]), pooling(views))


def test_views_are_pooled_by_channel_and_then_mapped():
    views = torch.tensor([[[1.0, -2.0], [3.0, 0.0]]])
    assert ViewPooling("mean", 2)(views).tolist() == [[2.0, -1.0]]
    assert ViewPooling("max", 2)(views).tolist() == [[3.0, 0.0]]
    linear = ViewPooling("mean_linear", 2)
    (layer,) = linear.layer.layers
    torch.testing.assert_close(linear(views), layer(torch.tensor([[2.0, -1.0]])))
    assert list(ViewPooling("mean", 2).parameters()) == []


def test_no_views_are_refused():
    with pytest.raises(ValueError, match="at least one view"):
        ViewPooling("mean", 2)(torch.zeros(3, 0, 2))
    with pytest.raises(ValueError, match="kind must be"):
        ViewPooling("median", 2)


def test_fusion_reads_the_shape_first_and_the_picture_second():
    fusion = Fusion(3)
    (layer,) = fusion.joint.layers
    shape, image = draw(4, 3), draw(4, 3, seed=1)
    expected = shape @ layer.weight[:, :3].T + image @ layer.weight[:, 3:].T + layer.bias
    torch.testing.assert_close(fusion(shape, image), expected)


def test_fusion_of_unit_vectors_forgets_lengths_and_the_other_does_not():
    shape, image = draw(4, 3), draw(4, 3, seed=1)
    unit = Fusion(3, normalize=True)
    torch.testing.assert_close(unit(5 * shape, image), unit(shape, image))
    torch.testing.assert_close(unit(shape, image), unit(F.normalize(shape, dim=1), F.normalize(image, dim=1)))
    plain = Fusion(3)
    assert not torch.allclose(plain(5 * shape, image), plain(shape, image))
