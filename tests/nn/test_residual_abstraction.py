import pytest
import torch

from anaglyph.errors import DataError
from anaglyph.nn.residual_abstraction import ResidualAbstraction, ResidualGlobalAbstraction
from reference.point_networks import largest, slow_mlp, slow_residual_abstraction
from reference.random_weights import shake


def block(**options):
    module = ResidualAbstraction(2, (3, 5), stride=2, radius=0.5, neighbours=6, **options).double()
    shake(module)
    return module


def clouds(*sizes):
    random = torch.Generator().manual_seed(0)
    kind = {"generator": random, "dtype": torch.float64}
    return [(torch.rand(n, 3, **kind), torch.randn(n, 2, **kind)) for n in sizes]


def padded(parts, rows):
    """The clouds in one batch, NaN-free rubbish behind the shorter ones, and the mask."""
    xyz = torch.full((len(parts), rows, 3), 0.3, dtype=torch.float64)
    features = torch.full((len(parts), rows, 2), -7.0, dtype=torch.float64)
    valid = torch.zeros(len(parts), rows, dtype=torch.bool)
    for b, (points, values) in enumerate(parts):
        xyz[b, : len(points)], features[b, : len(points)], valid[b, : len(points)] = points, values, True
    return xyz, features, valid


@pytest.mark.parametrize("training", [True, False])
def test_the_block_equals_the_loop_over_edges_with_its_shortcut(training):
    module = block().train(training)
    parts = clouds(12, 12)
    xyz, features = (torch.stack(x) for x in zip(*parts, strict=True))
    expected = slow_residual_abstraction(module, parts, training=training)
    centres, out, valid = module(xyz, features)
    assert valid is None
    for b, (positions, values) in enumerate(expected):
        torch.testing.assert_close(centres[b], positions)
        torch.testing.assert_close(out[b], values)


@pytest.mark.parametrize("training", [True, False])
def test_clouds_of_different_sizes_keep_their_own_numbers_of_centres(training):
    module = block().train(training)
    parts = clouds(12, 7, 1 + 1)
    expected = slow_residual_abstraction(module, parts, training=training)
    centres, out, valid = module(*padded(parts, 14))
    assert valid.sum(dim=1).tolist() == [6, 3, 1]
    for b, (positions, values) in enumerate(expected):
        torch.testing.assert_close(centres[b, : len(positions)], positions)
        torch.testing.assert_close(out[b, : len(positions)], values)
        assert not out[b, len(positions) :].any()


def test_fewer_points_than_a_stride_are_refused_or_leave_one_centre():
    parts = clouds(12, 1)
    with pytest.raises(DataError, match="1 points, fewer than the 2 points of one centre"):
        block()(*padded(parts, 12))
    *_, valid = block(shortage="repeat")(*padded(parts, 12))
    assert valid.sum(dim=1).tolist() == [6, 1]
    with pytest.raises(DataError, match="1 points, fewer than the 2 points of one centre"):
        block()(*(x[None] for x in parts[1]))


@pytest.mark.parametrize("training", [True, False])
def test_the_last_stage_reads_absolute_positions_of_the_valid_points(training):
    module = ResidualGlobalAbstraction(2, (5, 4)).double().train(training)
    shake(module)
    parts = clouds(3, 2)
    rows = [torch.cat([x, f]) for xyz, features in parts for x, f in zip(xyz, features, strict=True)]
    rows = slow_mlp(rows, [tuple(pair) for pair in module.convs], training=training)
    expected = torch.stack([largest(rows[:3]), largest(rows[3:])])
    torch.testing.assert_close(module(*padded(parts, 4)), expected)
