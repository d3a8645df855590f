"""What every registered shape encoder must keep, built small."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder, encoder_convention, encoder_options, list_encoders
from anaglyph.errors import DataError

TRANSFORMER = {"width": 16, "depth": 2, "heads": 2, "groups": 8, "group_size": 6}
SMALL = {
    "pointnet_small": {"embed_dim": 16, "widths": (8, 8)},
    "dgcnn_small": {"embed_dim": 16, "widths": (8, 8), "neighbours": 5},
    "point_grid": {"embed_dim": 16, "side": 12, "width": 4},
    "pointnet": {"embed_dim": 16, "widths": (8, 8, 8, 8)},
    "pointnet2": {
        "centres": (12, 4), "neighbours": (50, 12), "hidden": 8, "widths": ((8, 8, 8), (8, 8, 8), (8, 8, 16)),
    },
    "pointmlp": {"width": 4, "centres": (12, 8, 6, 4), "neighbours": 5, "hidden": 16},
    "pointmlp_elite": {"width": 8, "centres": (12, 8, 6, 4), "neighbours": 5, "hidden": 16},
    "pointnext_s": {"width": 4, "neighbours": 50, "hidden": 16, "in_channels": 3},
    "dgcnn": {"widths": (8, 8), "neighbours": 5, "pooled": 16, "hidden": 16},
    "point_bert": {**TRANSFORMER, "patch_channels": 12},
    "point_bert_colored": {**TRANSFORMER, "patch_channels": 12},
    "point_mae": TRANSFORMER,
    "act": TRANSFORMER,
    "recon": TRANSFORMER,
    "ppat": {
        "scaling": 1, "depth": 2, "width": 64, "heads": 1, "hidden": 32, "patch_channels": 8,
        "groups": 8, "group_size": 50, "radius": 0.4,
    },
    "uni3d": {
        "size": "ti", "width": 24, "depth": 2, "heads": 2, "hidden": 16,
        "groups": 8, "group_size": 6, "patch_channels": 16,
    },
    "projected": {
        "encoder": "point_mae", "options": {"width": 12, "depth": 1, "heads": 2, "groups": 4, "group_size": 3,
        "shortage": "repeat"},
    },
    "act_autoencoder": {
        "width": 8, "visual_width": 12, "depth": 3, "heads": 2, "prompts": 3, "words": 16, "groups": 8,
        "group_size": 6, "graph_widths": (8, 8, 12, 8, 16), "decoder_widths": (10, 6),
    },
}  # fmt: skip
"""Sizes to build small with. Balls may hold all 50 points: beyond that a ball query knows their order."""
CASES = [
    *((name, {}) for name in list_encoders(modality="shape")),
    *((name, {}) for name in list_encoders(modality="teacher")),
    ("pointnet_small", {"pool": "max_mean"}),
    ("dgcnn_small", {"edge_form": "literal"}),
    ("pointnet", {"transforms": True, "transform_widths": (8, 8, 16, 8, 8)}),
    ("pointnext_s", {"in_channels": 4}),
    ("point_mae", {"skip_near_origin": 1e-3}),
    ("uni3d", {"size": "b"}),
    ("uni3d", {"size": "g"}),
    ("uni3d", {"colours": False}),
    ("ppat", {"in_channels": 3, "colours": False}),
]
WITHOUT_GRADIENT = {"act_autoencoder": ("encoder.", "dgcnn_1.", "decoder.")}
"""The teacher chooses words by argmax, so nothing before them learns; its decoder reads the embedding."""
COLOURED = [
    (name, options)
    for name, options in CASES
    if (convention := encoder_convention(name)) and convention.colours and options.get("colours", True)
]


def words(case):
    return "-".join([case[0], *map(str, case[1].values())])


def build(case):
    name, options = case
    small = dict(SMALL[name])
    if "embed_dim" in encoder_options(name):
        small["embed_dim"] = 16
    if "shortage" in encoder_options(name):
        small["shortage"] = "repeat"
    torch.manual_seed(0)
    return create_encoder(name, **(small | options))


@pytest.fixture(params=CASES, ids=words)
def case(request):
    return request.param


@pytest.fixture
def encoder(case):
    """In eval mode, with running statistics of two batches."""
    encoder = build(case)
    for seed in range(2):
        encoder(clouds(encoder, 8, seed=seed))
    return encoder.eval()


def clouds(encoder, b=3, n=50, seed=0):
    """xyz, and in further channels numbers from 0 to 1."""
    generator = torch.Generator().manual_seed(seed)
    points = 0.3 * torch.randn(b, n, 3, generator=generator)
    channels = getattr(encoder, "in_channels", 3)
    return torch.cat([points, torch.rand(b, n, channels - 3, generator=generator)], dim=2)


def test_the_embedding_has_the_size_it_announces(encoder):
    assert encoder(clouds(encoder)).shape == (3, encoder.embed_dim)


def test_different_clouds_get_different_embeddings(encoder):
    first, second, _ = encoder(clouds(encoder))
    assert (first - second).abs().max() > 1e-3


def test_order_of_points_does_not_change_the_embedding(encoder):
    points = clouds(encoder)
    shuffled = points[:, torch.randperm(50, generator=torch.Generator().manual_seed(1))]
    torch.testing.assert_close(encoder(points), encoder(shuffled), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("left", [50, 3])
def test_padding_does_not_change_the_embedding(encoder, left):
    points = clouds(encoder, 2, left)
    padded = torch.cat([points, torch.full((2, 7, points.shape[2]), 9.0)], dim=1)
    valid = (torch.arange(left + 7) < left).expand(2, -1)
    torch.testing.assert_close(encoder(points), encoder(padded, valid), rtol=1e-4, atol=1e-5)


def test_padding_does_not_change_what_training_learns(case):
    plain, masked = build(case), build(case)
    points = clouds(plain, 4)
    padded = torch.cat([points, torch.full((4, 7, points.shape[2]), 9.0)], dim=1)
    valid = (torch.arange(57) < 50).expand(4, -1)
    results = []
    for encoder, arguments in ((plain, (points,)), (masked, (padded, valid))):
        torch.manual_seed(1)  # dropout draws the same
        results.append(encoder(*arguments))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(plain.state_dict(), masked.state_dict(), rtol=1e-4, atol=1e-5)


def test_batch_items_do_not_see_each_other(encoder):
    points = clouds(encoder)
    torch.testing.assert_close(encoder(points)[1:2], encoder(points[1:2]), rtol=1e-4, atol=1e-5)


def test_eval_repeats_itself_and_keeps_its_state(encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert torch.equal(encoder(clouds(encoder)), encoder(clouds(encoder)))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_bfloat16_autocast_is_finite_and_near_float32(encoder):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = encoder(clouds(encoder))
    full = encoder(clouds(encoder))
    assert torch.isfinite(low).all()
    assert (low.float() - full).norm() < 0.1 * full.norm()


def test_float64_clouds_are_computed_in_float64(encoder):
    low = encoder(clouds(encoder))
    full = encoder.double()(clouds(encoder).double())
    assert full.dtype == torch.float64
    torch.testing.assert_close(low.double(), full, rtol=1e-3, atol=1e-4)
    moved = encoder(clouds(encoder).double() * (1 + 1e-12))  # what float32 cannot see
    assert not torch.equal(moved, full)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_gradient_reaches_every_parameter(case, bfloat16):
    encoder = build(case)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        out = encoder(clouds(encoder, 6))
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    (out.float() * weight).sum().backward()
    for name, parameter in encoder.named_parameters():
        if name.startswith(WITHOUT_GRADIENT.get(case[0], ())):
            assert parameter.grad is None, name
            continue
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("n", [1, 20], ids=["one point", "duplicates"])
def test_one_point_and_duplicated_points_survive(case, n):
    encoder = build(case).eval()
    points = torch.full((3, n, getattr(encoder, "in_channels", 3)), 0.1, requires_grad=True)
    require_finite(encoder, encoder(points), points)


def test_training_survives_one_point_and_duplicates_beside_an_ordinary_cloud(case):
    encoder = build(case)  # a batch of nothing else has no variance to normalise by
    points = clouds(encoder, 4, 20)
    points[0], points[1] = 0.1, 0.2
    valid = torch.ones(4, 20, dtype=torch.bool)
    valid[1, 1:] = False
    require_finite(encoder, encoder(points.requires_grad_(), valid), points)


def require_finite(encoder, out, points):
    out.sum().backward()
    assert torch.isfinite(out).all()
    assert points.grad is None or torch.isfinite(points.grad).all()
    gradients = {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}
    assert gradients
    assert [name for name, gradient in gradients.items() if not torch.isfinite(gradient).all()] == []


def test_a_loaded_encoder_equals_the_saved_one(case, encoder):
    other = build(case).eval()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(clouds(encoder)), other(clouds(encoder)))


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_points_that_are_not_finite_are_refused(encoder, broken):
    points = clouds(encoder)
    points[1, 7, 2] = broken
    with pytest.raises(DataError, match=r"cloud 1 .* not finite, the first in row 7"):
        encoder(points)


def test_clouds_without_points_and_with_other_channels_are_refused(encoder):
    channels = getattr(encoder, "in_channels", 3)
    with pytest.raises(DataError, match="no points"):
        encoder(torch.zeros(2, 0, channels))
    with pytest.raises(ValueError, match=f"in_channels={channels + 1}"):
        encoder(torch.zeros(2, 50, channels + 1))


@pytest.mark.parametrize("case", COLOURED, indirect=True, ids=words)
def test_colours_beyond_one_are_refused(encoder):
    points = clouds(encoder)
    points[..., 3:] *= 255
    with pytest.raises(DataError, match="expected are 0 to 1: divide them by 255"):
        encoder(points)


@pytest.mark.parametrize("name", ["uni3d", "ppat"])
def test_channels_that_are_no_colours_may_have_any_size(name):
    encoder = build((name, {"colours": False})).eval()
    points = clouds(encoder)
    points[..., 3:] = 10 * points[..., 3:] - 5
    assert torch.isfinite(encoder(points)).all()


@pytest.mark.parametrize("name", [n for n in SMALL if "shortage" in encoder_options(n)])
def test_too_few_points_are_refused_unless_repeats_are_asked_for(name):
    options = {**SMALL[name], "shortage": "refuse"}
    encoder = create_encoder(name, **options).eval()
    encoder(clouds(encoder, 2, 50))
    with pytest.raises(DataError, match=r"a cloud has [0-9]+ points, fewer than the"):
        encoder(clouds(encoder, 2, 3))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cpu_and_gpu_agree(encoder):
    on_cpu = encoder(clouds(encoder))
    on_gpu = encoder.to("cuda")(clouds(encoder).to("cuda"))
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-3, atol=1e-4)
