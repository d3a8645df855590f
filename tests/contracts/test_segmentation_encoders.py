"""What every registered segmentation network must keep, built small."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder, encoder_options, list_encoders
from anaglyph.errors import DataError

T_NET = {"transform_widths": (8, 8, 16, 8, 8)}
TRANSFORMER = {"width": 16, "depth": 3, "heads": 2, "groups": 8, "group_size": 6, "hidden": 12}
SMALL = {
    "pointnet_parts": {**T_NET, "widths": (8, 8, 8, 8, 16), "head_widths": (8, 8, 8)},
    "pointnet2_parts": {
        "centres": (12, 4), "neighbours": (50, 12), "hidden": 8, "dropout": 0.0,
        "widths": ((8, 8, 8), (8, 8, 8), (8, 8, 16)), "up_widths": ((8, 8), (8, 8), (8, 8, 8)),
    },
    "dgcnn_parts": {**T_NET, "neighbours": 5, "width": 8, "pooled": 16, "head_widths": (8, 8, 8)},
    "point_transformer_parts": TRANSFORMER,
    "point_transformer_scenes": TRANSFORMER,
}  # fmt: skip
"""Sizes to build small with. Balls may hold all 50 points: beyond that a ball query knows their order."""
CASES = [
    *((name, {}) for name in list_encoders(modality="segmentation")),
    ("pointnet_parts", {"categories": None}),
    ("pointnet2_parts", {"in_channels": 6, "categories": None}),
    ("dgcnn_parts", {"categories": None}),
]
SHORT = [name for name in SMALL if "shortage" in encoder_options(name)]


def build(case):
    name, options = case
    small = {"classes": 7, "categories": 4, "shortage": "repeat", **SMALL[name], **options}
    known = encoder_options(name)
    torch.manual_seed(0)
    return create_encoder(name, **{option: value for option, value in small.items() if option in known})


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def case(request):
    return request.param


@pytest.fixture
def network(case):
    """In eval mode, with running statistics of two batches and weights that points make a difference to."""
    network = build(case)
    for module in network.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)  # small weights, as ViT starts with, hide mistakes
    for seed in range(2):
        scores(network, clouds(network, 8, seed=seed))
    return network.eval()


def clouds(network, b=3, n=50, seed=0):
    return 0.3 * torch.randn(b, n, network.in_channels, generator=torch.Generator().manual_seed(seed))


def scores(network, points, valid=None, first=0):
    """Scores of clouds whose categories are `first`, `first` + 1 and so on, where there are categories."""
    if network.categories is None:
        return network(points, valid)
    return network(points, valid, (torch.arange(len(points)) + first) % network.categories)


def padded(points, rows=7):
    """With rows of NaN before the points, which no result may look at."""
    nothing = torch.full((len(points), rows, points.shape[2]), float("nan"))
    valid = (torch.arange(rows + points.shape[1]) >= rows).expand(len(points), -1)
    return torch.cat([nothing, points], dim=1), valid


def test_every_registered_network_is_built_here():
    assert sorted(SMALL) == sorted(list_encoders(modality="segmentation"))


def test_every_point_gets_a_score_per_class(network):
    found = scores(network, clouds(network))
    assert found.shape == (3, 50, 7)
    assert (found[0] - found[1]).abs().max() > 0.1
    assert (found[0, 0] - found[0, 1:]).abs().max() > 0.1


def test_scores_follow_the_order_of_the_points(network):
    points = clouds(network)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        scores(network, points[:, order]), scores(network, points)[:, order], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("left", [50, 3])
def test_padding_scores_zero_and_changes_no_other_score(network, left):
    points = clouds(network, 2, left)
    found = scores(network, *padded(points))
    assert not found[:, :7].any()
    torch.testing.assert_close(found[:, 7:], scores(network, points), rtol=1e-4, atol=1e-5)


def test_padding_does_not_change_what_training_learns(case):
    plain, masked = build(case).double(), build(case).double()  # so that sums in another order still agree
    points = clouds(plain, 4).double()
    results = []
    for network, arguments in ((plain, (points,)), (masked, padded(points))):
        torch.manual_seed(1)  # dropout draws the same
        results.append(scores(network, *arguments))
        results[-1].square().sum().backward()
    torch.testing.assert_close(results[1][:, 7:], results[0])
    torch.testing.assert_close(plain.state_dict(), masked.state_dict())
    for (name, one), other in zip(plain.named_parameters(), masked.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)


def test_batch_items_do_not_see_each_other(network):
    points = clouds(network)
    torch.testing.assert_close(
        scores(network, points)[1:2], scores(network, points[1:2], first=1), rtol=1e-4, atol=1e-5
    )


def test_eval_repeats_itself_and_keeps_its_state(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert torch.equal(scores(network, clouds(network)), scores(network, clouds(network)))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_bfloat16_autocast_is_finite_and_near_float32(network):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = scores(network, clouds(network))
    full = scores(network, clouds(network))
    assert torch.isfinite(low).all()
    assert (low.float() - full).norm() < 0.1 * full.norm()


def test_float64_clouds_are_computed_in_float64(network):
    low = scores(network, clouds(network))
    points = clouds(network).double()
    full = scores(network.double(), points)
    assert full.dtype == torch.float64
    torch.testing.assert_close(low.double(), full, rtol=1e-3, atol=1e-4)
    assert not torch.equal(scores(network, points * (1 + 1e-12)), full)  # what float32 cannot see


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_gradient_reaches_every_parameter(case, bfloat16):
    network = build(case)
    if case[0] == "dgcnn_parts":  # its T-Net starts with a matrix of zeros, behind which no gradient comes
        torch.nn.init.normal_(network.transform_net.transform.weight, std=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        found = scores(network, clouds(network, 6))
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    (found.float() * weight).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("n", [1, 20], ids=["one point", "duplicates"])
def test_one_point_and_duplicated_points_survive(case, n):
    network = build(case).eval()
    points = torch.full((3, n, network.in_channels), 0.1, requires_grad=True)
    require_finite(network, scores(network, points), points)


def test_training_survives_one_point_and_duplicates_beside_an_ordinary_cloud(case):
    network = build(case)  # a batch of nothing else has no variance to normalise by
    points = clouds(network, 4, 20)
    points[0], points[1] = 0.1, 0.2
    valid = torch.ones(4, 20, dtype=torch.bool)
    valid[1, 1:] = False
    require_finite(network, scores(network, points.requires_grad_(), valid), points)


def require_finite(network, found, points):
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(points.grad).all()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    assert gradients
    assert [name for name, gradient in gradients.items() if not torch.isfinite(gradient).all()] == []


def test_a_loaded_network_equals_the_saved_one(case, network):
    other = build(case).eval()
    other.load_state_dict(network.state_dict())
    assert torch.equal(scores(network, clouds(network)), scores(other, clouds(network)))


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_points_that_are_not_finite_are_refused(network, broken):
    points = clouds(network)
    points[1, 7, 2] = broken
    with pytest.raises(DataError, match=r"cloud 1 .* not finite, the first in row 7"):
        scores(network, points)


def test_clouds_without_points_and_with_other_channels_are_refused(network):
    channels = network.in_channels
    with pytest.raises(DataError, match="no points"):
        scores(network, torch.zeros(2, 0, channels))
    with pytest.raises(ValueError, match=f"in_channels={channels + 1}"):
        scores(network, torch.zeros(2, 50, channels + 1))


def test_a_category_is_asked_for_exactly_where_there_are_categories(network):
    wish = "takes no category" if network.categories is None else "needs the category of every cloud"
    given = torch.zeros(3, dtype=torch.int64) if network.categories is None else None
    with pytest.raises(ValueError, match=wish):
        network(clouds(network), category=given)


@pytest.mark.parametrize("name", SHORT)
def test_too_few_points_are_refused_unless_repeats_are_asked_for(name):
    network = build((name, {"shortage": "refuse"})).eval()
    scores(network, clouds(network, 2, 50))
    with pytest.raises(DataError, match=r"a cloud has [0-9]+ points, fewer than the"):
        scores(network, clouds(network, 2, 3))
