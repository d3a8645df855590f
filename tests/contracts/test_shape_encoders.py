"""What every registered shape encoder must keep, built small."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder, encoder_options, list_encoders

SMALL = {
    "embed_dim": 16,
    "widths": (8, 8),
    "neighbours": 5,
    "width": 4,
    "side": 12,
}
CASES = [
    *((name, {}) for name in list_encoders(modality="shape")),
    ("pointnet", {"pool": "max_mean"}),
    ("dgcnn", {"edge_form": "literal"}),
]


def build(case):
    name, options = case
    small = {option: value for option, value in SMALL.items() if option in encoder_options(name)}
    torch.manual_seed(0)
    return create_encoder(name, **small, **options)


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def case(request):
    return request.param


@pytest.fixture
def encoder(case):
    """In eval mode, with running statistics of two batches."""
    encoder = build(case)
    for seed in range(2):
        encoder(clouds(8, seed=seed))
    return encoder.eval()


def clouds(b=3, n=50, seed=0):
    return 0.3 * torch.randn(b, n, 3, generator=torch.Generator().manual_seed(seed))


def test_the_embedding_has_the_size_it_announces(encoder):
    assert encoder(clouds()).shape == (3, encoder.embed_dim)
    assert encoder.embed_dim == 16


def test_different_clouds_get_different_embeddings(encoder):
    first, second, _ = encoder(clouds())
    assert (first - second).abs().max() > 1e-3


def test_order_of_points_does_not_change_the_embedding(encoder):
    points = clouds()
    shuffled = points[:, torch.randperm(50, generator=torch.Generator().manual_seed(1))]
    torch.testing.assert_close(encoder(points), encoder(shuffled), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("left", [50, 3])
def test_padding_does_not_change_the_embedding(encoder, left):
    points = clouds(2, left)
    padded = torch.cat([points, torch.full((2, 7, 3), 9.0)], dim=1)
    valid = (torch.arange(left + 7) < left).expand(2, -1)
    torch.testing.assert_close(encoder(points), encoder(padded, valid), rtol=1e-4, atol=1e-5)


def test_padding_does_not_change_what_training_learns(case):
    points = clouds(4)
    padded = torch.cat([points, torch.full((4, 7, 3), 9.0)], dim=1)
    valid = (torch.arange(57) < 50).expand(4, -1)
    plain, masked = build(case), build(case)
    torch.testing.assert_close(plain(points), masked(padded, valid), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(plain.state_dict(), masked.state_dict(), rtol=1e-4, atol=1e-5)


def test_batch_items_do_not_see_each_other(encoder):
    points = clouds()
    torch.testing.assert_close(encoder(points)[1:2], encoder(points[1:2]), rtol=1e-4, atol=1e-5)


def test_eval_repeats_itself_and_keeps_its_state(encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert torch.equal(encoder(clouds()), encoder(clouds()))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_bfloat16_autocast_is_finite_and_near_float32(encoder):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = encoder(clouds())
    full = encoder(clouds())
    assert torch.isfinite(low).all()
    assert (low.float() - full).norm() < 0.1 * full.norm()


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_gradient_reaches_every_parameter(case, bfloat16):
    encoder = build(case)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        out = encoder(clouds(6))
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    (out.float() * weight).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "points", [torch.full((3, 1, 3), 0.1), torch.full((3, 20, 3), 0.1)], ids=["one point", "duplicates"]
)
def test_one_point_and_duplicated_points_survive(case, training, points):
    encoder = build(case).train(training)
    points = points.clone().requires_grad_()
    out = encoder(points)
    out.sum().backward()
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_a_loaded_encoder_equals_the_saved_one(case, encoder):
    other = build(case).eval()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(clouds()), other(clouds()))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cpu_and_gpu_agree(encoder):
    on_cpu = encoder(clouds())
    on_gpu = encoder.to("cuda")(clouds().to("cuda"))
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-3, atol=1e-4)
