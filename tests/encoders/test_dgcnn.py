import pytest
import torch

from anaglyph.encoders.dgcnn import DGCNN
from anaglyph.errors import DataError
from anaglyph.ops.knn import k_nearest
from reference.point_networks import largest, slow_edge_mlp, slow_mlp
from reference.random_weights import shake


def network(**options):
    made = DGCNN(
        **{
            "embed_dim": 5,
            "neighbours": 4,
            "widths": (4, 5),
            "pooled": 6,
            "hidden": 7,
            "dropout": 0.0,
            **options,
        }
    ).double()
    shake(made)
    return made


def clouds(b=2, n=9):
    return torch.randn(b, n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("form", ["split", "literal"])
@pytest.mark.parametrize("training", [True, False])
def test_the_network_equals_its_equations_one_edge_at_a_time(form, training):
    encoder = network(edge_form=form, head_classes=3).train(training)
    features, levels = clouds(), []
    for block in encoder.edge_convs:
        near = k_nearest(features, features, 4)
        features = slow_edge_mlp(features, near, [(block.linear, block.norm)], training=training)
        levels.append(features)
    shared = (encoder.point_mlp.layers[0], encoder.point_mlp.layers[1])
    rows = slow_mlp(list(torch.cat(levels, dim=2).flatten(0, 1)), [shared], training=training, slope=0.2)
    pooled = [torch.cat([largest(part), sum(part) / 9]) for part in (rows[:9], rows[9:])]
    layers = [(encoder.linear1, encoder.bn6), (encoder.linear2, encoder.bn7)]
    expected = torch.stack(slow_mlp(pooled, layers, training=training, slope=0.2))
    torch.testing.assert_close(encoder(clouds()), expected, rtol=1e-5, atol=1e-6)
    if not training:
        scores = expected @ encoder.linear3.weight.T + encoder.linear3.bias
        torch.testing.assert_close(encoder.logits(clouds()), scores, rtol=1e-5, atol=1e-6)


def test_fewer_points_than_neighbours_are_refused_or_repeated():
    points = clouds(n=3)
    with pytest.raises(DataError, match="3 points, fewer than the 4 neighbours"):
        network()(points)
    assert torch.isfinite(network(shortage="repeat")(points)).all()


def test_nan_in_padding_rows_changes_nothing():
    padded = torch.cat([clouds(), torch.full((2, 3, 3), float("nan"), dtype=torch.float64)], dim=1)
    valid = (torch.arange(12) < 9).expand(2, -1)
    plain, masked = network(), network()
    torch.testing.assert_close(masked(padded, valid), plain(clouds()))
    torch.testing.assert_close(masked.state_dict(), plain.state_dict())


def test_scores_need_a_head():
    with pytest.raises(ValueError, match="build it with head_classes"):
        network().logits(clouds())
