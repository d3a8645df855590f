"""What every registered image encoder must keep, built small."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder, encoder_options, list_encoders
from anaglyph.errors import DataError

SMALL = {"embed_dim": 16, "width": 8}
CASES = [
    *((name, {}) for name in list_encoders(modality="image")),
    ("digit_cnn", {"coarse_stem": False}),
    ("resnet18", {"small_stem": True}),
]


def build(case, **more):
    name, options = case
    small = {option: value for option, value in SMALL.items() if option in encoder_options(name)}
    torch.manual_seed(0)
    return create_encoder(name, **small, in_channels=2, **options, **more)


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *case[1]]))
def case(request):
    return request.param


@pytest.fixture
def encoder(case):
    """In eval mode, with running statistics of two batches."""
    encoder = build(case)
    for seed in range(2):
        encoder(pictures(8, seed=seed))
    return encoder.eval()


def pictures(b=3, height=28, width=28, seed=0):
    return torch.rand(b, 2, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 12), (28, 28), (32, 32), (9, 21)])
def test_pictures_of_any_size_from_8_pixels_get_an_embedding(encoder, height, width):
    out = encoder(pictures(3, height, width))
    assert out.shape == (3, encoder.embed_dim)
    assert torch.isfinite(out).all()
    assert (out[0] - out[1]).abs().max() > 1e-4


def test_batch_items_do_not_see_each_other(encoder):
    images = pictures()
    torch.testing.assert_close(encoder(images)[1:2], encoder(images[1:2]), rtol=1e-4, atol=1e-5)


def test_eval_repeats_itself_and_keeps_its_state(encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert torch.equal(encoder(pictures()), encoder(pictures()))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_bfloat16_autocast_is_finite_and_near_float32(encoder):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = encoder(pictures())
    full = encoder(pictures())
    assert torch.isfinite(low).all()
    assert (low.float() - full).norm() < 0.1 * full.norm()


def test_channels_last_does_not_change_the_embedding(encoder):
    images = pictures()
    expected = encoder(images)
    moved = encoder.to(memory_format=torch.channels_last)
    found = moved(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_gradient_reaches_every_parameter(case):
    encoder = build(case)
    out = encoder(pictures(6))
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_a_loaded_encoder_equals_the_saved_one(case, encoder):
    other = build(case).eval()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(pictures()), other(pictures()))


def test_pictures_with_other_channels_or_too_small_are_refused_by_name(encoder):
    with pytest.raises(DataError, match=r"\(B, 2, H, W\), got \(1, 3, 28, 28\); set in_channels"):
        encoder(torch.zeros(1, 3, 28, 28))
    with pytest.raises(DataError, match="at least 8 x 8 pixels, got 28 x 7"):
        encoder(torch.zeros(1, 2, 28, 7))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cpu_and_gpu_agree(encoder):
    on_cpu = encoder(pictures())
    on_gpu = encoder.to("cuda")(pictures().to("cuda"))
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-3, atol=1e-3)
