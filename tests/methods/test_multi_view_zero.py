from dataclasses import replace

import pytest
import torch
from torch import nn

from anaglyph.errors import ConfigError
from anaglyph.methods.multi_view_zero.method import MultiViewZero, MultiViewZeroConfig
from anaglyph.randomness import seeded
from methods.shape_batches import VIEWS, batch, rows_of, shapes_of, small_encoder
from reference.view_attention import slow_scores


class Pixels(nn.Module):
    """Gives back the pictures themselves as features."""

    def __init__(self, channels=3):
        super().__init__()
        self.in_channels, self.embed_dim = channels, channels * 16 * 16

    def forward(self, pictures):
        return pictures.flatten(1)


def make(encoder=None, **options):
    with seeded("zero"):
        encoder = encoder or small_encoder(3)
    return MultiViewZero(MultiViewZeroConfig(**options), encoders={"image": encoder}, objects=8)


def pixels(given, modality="image", channels=3, **options):
    """What the encoder reads, up to length; (B, C, H, W) or (B, V, C, H, W)."""
    method = make(Pixels(channels), mean=(0.0,), std=(1.0,), **options)
    vectors = method.embed(modality, given)
    return vectors.view(*vectors.shape[:-1], channels, 16, 16)


def unit(pictures):
    lengths = pictures.flatten(-3).norm(dim=-1)
    return pictures / lengths[..., None, None, None]


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_scores_are_the_best_or_mean_cosine_of_the_same_encoder(pooling):
    method, given = make(pooling=pooling), batch(4)
    query, items = method.embed("image", given), method.embed("shape", shapes_of(given))
    expected = slow_scores(query.tolist(), items.tolist(), None, pooling=pooling)
    torch.testing.assert_close(method.score(query, items), torch.tensor(expected), rtol=1e-5, atol=1e-5)
    shares = method.view_weights(query, items)
    torch.testing.assert_close(shares.sum(dim=2), torch.ones(4, 4))
    products = torch.einsum("qd,svd->qsv", query, items)
    torch.testing.assert_close((shares * products).sum(dim=2), method.score(query, items))


def test_embeddings_are_unit_vectors_and_ignore_their_batch():
    method, given = make(), batch(6)
    together, of_shapes = method.embed("image", given), method.embed("shape", shapes_of(given))
    assert of_shapes.shape == (6, VIEWS, 16)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(6))
    torch.testing.assert_close(of_shapes.norm(dim=2), torch.ones(6, VIEWS))
    torch.testing.assert_close(
        method.embed("image", rows_of(given, [2])), together[2:3], rtol=1e-4, atol=1e-5
    )


def test_the_background_can_be_kept_or_made_white_or_grey():
    given = batch(3)
    images, masks = given.images[:, 0], given.masks[:, 0]
    torch.testing.assert_close(pixels(given), unit(images))
    torch.testing.assert_close(pixels(given, background="white"), unit(torch.where(masks > 0, images, 1.0)))
    torch.testing.assert_close(pixels(given, background="grey"), unit(torch.where(masks > 0, images, 0.5)))


def test_a_soft_mask_mixes():
    given = batch(3)
    half = replace(given, masks=torch.full_like(given.masks, 0.25))
    expected = unit(0.25 * given.images[:, 0] + 0.75)
    torch.testing.assert_close(pixels(half, background="white"), expected)


def test_pictures_turn_grey_and_grey_views_get_the_channels_of_the_encoder():
    given = batch(3)
    red, green, blue = given.images[:, 0].unbind(dim=1)
    grey = (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]
    torch.testing.assert_close(pixels(given, gray_queries=True), unit(grey.expand(-1, 3, -1, -1)))
    torch.testing.assert_close(pixels(given, channels=1), unit(grey))
    views = shapes_of(given)
    torch.testing.assert_close(pixels(views, "shape"), unit(views.views.expand(-1, -1, 3, -1, -1)))
    coloured = shapes_of(batch(3, channels=3))
    torch.testing.assert_close(pixels(coloured, "shape", channels=1), unit(coloured.views[:, :, :1]))


def test_pictures_are_normalised_as_the_weights_expect():
    given = batch(3)
    method = make(Pixels(), mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    expected = (given.images[:, 0] - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor(
        [0.5, 1.0, 2.0]
    )[:, None, None]
    torch.testing.assert_close(method.embed("image", given).view(-1, 3, 16, 16), unit(expected))


def test_a_view_finds_its_own_shape():
    given = batch(8)
    shown = given.shapes.views[torch.arange(8), torch.arange(8) % VIEWS][:, None]
    query = replace(given, images=shown.expand(-1, -1, 3, -1, -1))
    method = make()
    scores = method.score(method.embed("image", query), method.embed("shape", shapes_of(given)))
    assert scores.argmax(dim=1).tolist() == list(range(8))


def test_it_is_never_trained():
    method = make()
    assert not method.uses_labels
    assert not method.trains
    assert method.param_groups() == []
    assert not any(p.requires_grad for p in method.parameters())
    assert not any(module.training for module in method.modules())
    assert not any(module.training for module in method.train().modules())
    with pytest.raises(TypeError, match="is not trained; give its stage epochs: 0"):
        method.training_step(batch(4))


def test_one_encoder_serves_both_modalities():
    assert MultiViewZero.encoder_names == ("image",)
    other = make()
    other.load_state_dict(make().state_dict())
    given = batch(3)
    assert torch.equal(other.embed("image", given), make().embed("image", given))


def test_bfloat16_vectors_are_unit_and_near_single_precision():
    method, given = make(), batch(4)
    full = method.embed("shape", shapes_of(given))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = method.embed("shape", shapes_of(given))
    assert low.dtype == torch.float32
    torch.testing.assert_close(low.norm(dim=2), torch.ones(4, VIEWS))
    assert (low * full).sum(dim=2).min() > 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": (0.5, 0.5)}, "need 1 or 3 numbers each, got 2 and 3"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be > 0 in every channel"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MultiViewZeroConfig(**options)


def test_encoders_that_read_no_pictures_are_refused():
    with pytest.raises(ConfigError, match="the encoder reads 4 channels"):
        make(small_encoder(4))
    with pytest.raises(ConfigError, match="3 numbers and the encoder reads 1 channels"):
        make(small_encoder(1))
