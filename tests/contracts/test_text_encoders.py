"""What every registered text encoder must keep, built small."""

import subprocess
import sys

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder, encoder_options, list_encoders

SMALL = {"embed_dim": 16, "width": 16, "buckets": 64}
TEXTS = [
    "a red chair",
    "",
    "Stuhl",
    "椅子 и стул",
    "a chair that is red",
    "!?",
    "\x00\ud800",
    "long words " * 500,
]


def build(name):
    options = {option: value for option, value in SMALL.items() if option in encoder_options(name)}
    torch.manual_seed(0)
    return create_encoder(name, **options)


@pytest.fixture(params=list_encoders(modality="text"))
def name(request):
    return request.param


@pytest.fixture
def encoder(name):
    return build(name).eval()


def test_any_text_gets_an_embedding(encoder):
    out = encoder(TEXTS)
    assert out.shape == (len(TEXTS), encoder.embed_dim)
    assert torch.isfinite(out).all()
    assert (out[0] - out[4]).abs().max() > 1e-4  # the order of words counts


def test_texts_do_not_see_each_other(encoder):
    together = encoder(TEXTS)
    for row, text in enumerate(TEXTS):
        torch.testing.assert_close(encoder([text])[0], together[row], rtol=1e-4, atol=1e-5)


def test_only_empty_texts_and_no_text_at_all_are_fine(encoder):
    assert torch.isfinite(encoder(["", ""])).all()
    assert encoder([]).shape == (0, encoder.embed_dim)


def test_eval_repeats_itself_and_keeps_its_state(encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert torch.equal(encoder(TEXTS), encoder(TEXTS))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_another_process_with_another_hash_seed_gives_the_same_numbers(name):
    program = (
        "import sys, torch; sys.path.insert(0, 'tests')\n"
        "from contracts.test_text_encoders import build\n"
        f"print(build({name!r}).eval()(['a red chair', 'Stühle'])[:, :4].tolist())"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-c", program], env={**__import__("os").environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(shown) == 1


def test_bfloat16_autocast_is_finite_and_near_float32(encoder):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = encoder(TEXTS)
    full = encoder(TEXTS)
    assert torch.isfinite(low).all()
    assert (low.float() - full).norm() < 0.1 * full.norm()


@pytest.mark.parametrize("texts", [TEXTS, ["", ""]], ids=["some", "empty"])
def test_every_parameter_gets_a_gradient(name, texts):
    encoder = build(name)
    out = encoder(texts)
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key


def test_a_loaded_encoder_equals_the_saved_one(name, encoder):
    other = build(name).eval()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(TEXTS), other(TEXTS))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cpu_and_gpu_agree(encoder):
    on_cpu = encoder(TEXTS)
    on_gpu = encoder.to("cuda")(TEXTS)
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-3, atol=1e-3)
