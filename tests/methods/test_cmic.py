import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from anaglyph.config import dump_yaml, parse_yaml, structure
from anaglyph.errors import ConfigError, DataError
from anaglyph.methods.cmic.config import CMICConfig
from anaglyph.methods.cmic.method import CMIC, different_shapes
from anaglyph.nn.view_attention import ViewAttention
from anaglyph.randomness import seeded
from anaglyph.types import Candidates
from methods.shape_batches import VIEWS, batch, rows_of, shapes_of, small_encoder, train
from reference.instance_category import slow_losses
from reference.view_attention import slow_scores

VARIANTS = {
    "paper": {},
    "released": {"mask_range_at_test": "signed", "released_lab": True},
    "best": {
        "symmetric": True,
        "hardness": 0.5,
        "colour_transfer": 0.8,
        "colour_statistics": "parts",
        "style_pool": 12,
        "largest_gain": 4.0,
        "learn_temperature": True,
        "freeze_statistics": True,
    },
    "mean": {"pooling": "mean", "category_positives": "others"},
    "max": {"pooling": "max", "normalize_attended": True, "mask_plane": False},
    "identity": {
        "attention_start": "identity",
        "attention_scale": 8.0,
        "head_start": "together",
        "normalize_attended": True,
        "mask_range": "signed",
    },
}


def make(**options):
    with seeded("cmic"):
        encoders = {
            "image": small_encoder(4 if options.get("mask_plane", True) else 3),
            "shape": small_encoder(1),
        }
        return CMIC(
            structure(CMICConfig, {"embed_dim": 16, **options}, where="test"), encoders=encoders, objects=8
        )


@pytest.fixture(params=VARIANTS)
def options(request):
    return VARIANTS[request.param]


def step(method, given, seed="step"):
    with seeded(seed):
        return method.training_step(given)


def test_the_loss_falls_below_half_in_sixty_steps_on_eight_queries(options):
    losses = train(make(**options), batch(8, shapes=10), steps=60)
    assert losses[-1] < 0.5 * losses[0], (losses[0], losses[-1])


def test_queries_find_their_shapes_after_training():
    method, given = make(), batch(8, shapes=10)
    train(method, given, steps=80)
    method.eval()
    with torch.no_grad():
        scores = method.score(method.embed("image", given), method.embed("shape", shapes_of(given)))
    assert (scores.argmax(dim=1) == given.targets).float().mean() >= 0.75


def test_embeddings_are_unit_vectors_and_ignore_their_batch(options):
    method, given = make(**options), batch(8)
    train(method, given, steps=2)
    method.eval()
    together, of_shapes = method.embed("image", given), method.embed("shape", shapes_of(given))
    assert together.shape == (8, 16)
    assert of_shapes.shape == (8, VIEWS, 16)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(of_shapes.norm(dim=2), torch.ones(8, VIEWS))
    alone = method.embed("image", rows_of(given, [3]))
    torch.testing.assert_close(alone, together[3:4], rtol=1e-4, atol=1e-5)
    third = shapes_of(given)
    third = replace(third, keys=third.keys[2:3], indices=third.indices[2:3], views=third.views[2:3])
    torch.testing.assert_close(method.embed("shape", third), of_shapes[2:3], rtol=1e-4, atol=1e-5)


def test_several_pictures_of_a_query_are_averaged_in_feature_space():
    method, given = make().eval(), batch(4)
    twice = replace(given, images=given.images.repeat(1, 3, 1, 1, 1), masks=given.masks.repeat(1, 3, 1, 1, 1))
    torch.testing.assert_close(
        method.embed("image", twice), method.embed("image", given), rtol=1e-4, atol=1e-5
    )


def test_every_parameter_gets_a_gradient_and_stands_in_one_group(options):
    method = make(**options).train()
    step(method, batch(8)).loss.backward()
    assert [name for name, p in method.named_parameters() if p.grad is None] == []
    grouped = [p for group in method.param_groups() for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(map(id, method.parameters()))


def test_heads_may_learn_faster_than_encoders():
    method = make(head_lr_scale=5.0)
    encoders, rest = method.param_groups()
    assert {id(p) for p in encoders["params"]} == {id(p) for p in method.encoders.parameters()}
    assert rest["lr_scale"] == 5.0
    assert any(p is method.attention.asked.weight for p in rest["params"])


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.5])
def test_the_parts_sum_to_the_loss_as_the_card_says(weight):
    output = step(make(category_weight=weight).train(), batch(8))
    assert set(output.parts) == {"instance", "category"}
    torch.testing.assert_close(output.loss, output.parts["instance"] + weight * output.parts["category"])


def test_the_loss_is_that_of_its_equations():
    method = make(colour_transfer=0.0).train()
    given = batch(5, shapes=7, categories=3)
    output = step(method, given)
    with torch.no_grad():
        query = method._embed_queries(given.images, given.masks)
        views = method._embed_views(given.shapes.views)
    scores = slow_scores(query.tolist(), views.tolist(), method.attention.asked.weight.tolist())
    expected = slow_losses(
        scores, given.targets.tolist(), given.labels.tolist(), given.shapes.categories.tolist(), 0.1
    )
    assert output.parts["instance"].item() == pytest.approx(expected[0], rel=1e-3)
    assert output.parts["category"].item() == pytest.approx(expected[1], rel=1e-3)


def test_a_batch_of_one_category_has_the_instance_loss_alone():
    output = step(make().train(), batch(8, categories=1))
    assert output.parts["category"].item() == 0
    assert output.loss.item() == output.parts["instance"].item()


def test_two_queries_may_show_one_shape():
    given = batch(6)
    given = replace(given, targets=torch.tensor([0, 0, 1, 2, 3, 3]), labels=torch.tensor([0, 0, 1, 2, 0, 0]))
    output = step(make(symmetric=True).train(), given)
    assert torch.isfinite(output.loss)


def test_a_shape_that_stands_twice_is_no_negative_of_itself():
    rows = torch.tensor([7, 3, 7, 9, 3])
    unique, first = different_shapes(rows)
    assert unique.tolist() == [3, 7, 9]
    assert first.tolist() == [1, 0, 3]
    given = batch(4, shapes=4)
    shapes = given.shapes
    again = Candidates(
        (*shapes.keys, "again"),
        torch.cat([shapes.rows, shapes.rows[:1]]),
        torch.cat([shapes.views, shapes.views[:1]]),
        torch.cat([shapes.categories, shapes.categories[:1]]),
    )
    # In eval mode, since the copy would enter the statistics of the batch.
    method = make(colour_transfer=0.0).eval()
    once = method.training_step(given).loss
    torch.testing.assert_close(method.training_step(replace(given, shapes=again)).loss, once)


def test_a_state_dict_is_the_whole_state(options):
    given = batch(8, shapes=9)
    method = make(**options)
    train(method, given, steps=2)
    other = make(**options)
    other.load_state_dict(method.state_dict())
    assert train(other, given, steps=3, first=2) == train(method, given, steps=3, first=2)
    for key, value in method.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def test_the_config_survives_yaml(options):
    config = structure(CMICConfig, options, where="test")
    assert structure(CMICConfig, parse_yaml(dump_yaml(config)), where="test") == config


def test_bfloat16_is_finite_and_near_single_precision(options):
    method, given = make(**options).train(), batch(8)
    full = step(method, given).loss
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = step(method, given)
    output.loss.backward()
    assert output.loss.dtype == torch.float32
    assert abs(output.loss.item() - full.item()) < 0.1 * full.item()
    assert all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None)
    method.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vectors = method.embed("shape", shapes_of(given))
    torch.testing.assert_close(vectors.norm(dim=2), torch.ones(8, VIEWS))


class Recorder(nn.Module):
    """Keeps the pictures it was given."""

    def __init__(self, channels):
        super().__init__()
        self.embed_dim, self.in_channels = 4, channels
        self.layer = nn.Linear(channels, 4)
        self.seen = None

    def forward(self, pictures):
        self.seen = pictures.detach()
        return self.layer(pictures.mean(dim=(2, 3)))


def seen(given, *, training, **options):
    """What the image encoder reads of a batch."""
    recorder = Recorder(4)
    method = CMIC(
        CMICConfig(embed_dim=4, **options), encoders={"image": recorder, "shape": Recorder(1)}, objects=4
    )
    if training:
        step(method.train(), given)
    else:
        method.eval().embed("image", given)
    return recorder.seen


@pytest.mark.parametrize("mask_range", ["unit", "signed"])
def test_training_and_evaluation_feed_the_same_mask(mask_range):
    given = batch(4)
    mask = given.masks[:, 0]
    expected = mask if mask_range == "unit" else 2 * mask - 1
    for training in (True, False):
        assert torch.equal(seen(given, training=training, mask_range=mask_range)[:, 3:], expected)


def test_the_release_feeds_another_range_of_the_mask_at_test():
    given = batch(4)
    mask = given.masks[:, 0]
    assert torch.equal(seen(given, training=True, mask_range_at_test="signed")[:, 3:], mask)
    assert torch.equal(seen(given, training=False, mask_range_at_test="signed")[:, 3:], 2 * mask - 1)


def test_colours_change_in_training_alone():
    given = batch(4)
    plain = (given.images[:, 0] - 0.5) / 0.5
    torch.testing.assert_close(seen(given, training=False)[:, :3], plain)
    assert (seen(given, training=True)[:, :3] - plain).abs().mean() > 0.01
    torch.testing.assert_close(seen(given, training=True, colour_transfer=0.0)[:, :3], plain)


def test_without_the_mask_plane_the_mask_is_not_read():
    method, given = make(mask_plane=False).eval(), batch(4)
    inverted = replace(given, masks=1 - given.masks)
    assert torch.equal(method.embed("image", given), method.embed("image", inverted))
    masked = make().eval()
    assert not torch.equal(masked.embed("image", given), masked.embed("image", inverted))


def test_frozen_statistics_stay_those_they_were_and_weights_learn():
    for frozen in (False, True):
        method = make(freeze_statistics=frozen)
        state = {key: value.clone() for key, value in method.state_dict().items()}
        train(method, batch(8), steps=2)
        moved = {key for key, value in method.state_dict().items() if not torch.equal(value, state[key])}
        statistics = {key for key in state if key.startswith("encoders.") and "running_" in key}
        assert moved.isdisjoint(statistics) if frozen else statistics <= moved
        assert {key for key in moved if key.startswith("heads.") and "running_" in key}
        assert "encoders.image.first.1.weight" in moved


def test_a_learned_temperature_moves_and_stays_in_its_bounds():
    method = make(learn_temperature=True, temperature=0.011)
    assert method.temperature.item() == pytest.approx(0.011)
    train(method, batch(8), steps=30)
    assert method.temperature.item() != pytest.approx(0.011, rel=1e-3)
    method.log_temperature.data.fill_(-100.0)
    with torch.no_grad():
        method.after_step()
    assert method.temperature.item() == pytest.approx(0.01)
    assert step(method, batch(8)).parts["temperature"].item() == pytest.approx(0.01)
    assert make().log_temperature is None


def test_scores_and_shares_are_those_of_the_attention():
    method, given = make().eval(), batch(5)
    query, items = method.embed("image", given), method.embed("shape", shapes_of(given))
    plain = ViewAttention(16)
    plain.load_state_dict(method.attention.state_dict())
    assert torch.equal(method.score(query, items), plain.scores(query, items))
    shares = method.view_weights(query, items)
    assert shares.shape == (5, 5, VIEWS)
    torch.testing.assert_close(shares.sum(dim=2), torch.ones(5, 5))


def test_an_encoder_of_other_channels_is_refused_with_the_remedy():
    with pytest.raises(
        ConfigError, match=r"reads 3 channels, and a query has 4: RGB and the mask\. Set in_ch"
    ):
        CMIC(CMICConfig(), encoders={"image": small_encoder(3), "shape": small_encoder(1)}, objects=8)
    with pytest.raises(ConfigError, match=r"mask_plane: false\)\. Set in_channels: 3"):
        CMIC(
            CMICConfig(mask_plane=False),
            encoders={"image": small_encoder(4), "shape": small_encoder(1)},
            objects=8,
        )


def test_heads_that_start_together_are_one_projection_and_then_go_their_ways():
    method = make(head_start="together")
    image, shape = method.heads["image"].linear.weight, method.heads["shape"].linear.weight
    torch.testing.assert_close(image, shape, rtol=0, atol=0)
    train(method, batch(8, shapes=10), steps=2)
    assert not torch.equal(image, shape)
    apart = make()
    assert not torch.equal(apart.heads["image"].linear.weight, apart.heads["shape"].linear.weight)


def test_heads_of_encoders_of_different_widths_cannot_start_together():
    encoders = {"image": small_encoder(4), "shape": small_encoder(1, embed_dim=24)}
    with pytest.raises(ConfigError, match="image has 16 and shape 24"):
        CMIC(CMICConfig(embed_dim=16, head_start="together"), encoders=encoders, objects=8)


def test_batches_without_shapes_masks_or_labels_are_refused_by_name():
    method, given = make().train(), batch(4)
    with pytest.raises(DataError, match="no shapes with categories"):
        method.training_step(replace(given, shapes=None))
    with pytest.raises(DataError, match="no shapes with categories"):
        method.training_step(given.without_labels())
    with pytest.raises(DataError, match="has no 'masks'"):
        method.embed("image", replace(given, masks=None))
    with pytest.raises(DataError, match="has no 'views'"):
        method.embed("shape", given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be > 0, got 0"),
        ({"embed_dim": 0}, "embed_dim must be > 0"),
        ({"attention_scale": 0.0}, "attention_scale must be > 0, got 0"),
        ({"category_weight": -1.0}, "category_weight must be >= 0"),
        ({"hardness": math.nan}, "hardness must be >= 0, got nan"),
        ({"style_pool": -1}, "style_pool must be >= 0"),
        ({"colour_transfer": 1.5}, r"colour_transfer must lie in \[0, 1\], got 1.5"),
        ({"largest_gain": 0.5}, "largest_gain must be >= 1 or null, got 0.5"),
        ({"learn_temperature": True, "temperature": 2.0}, r"must start in \[0.01, 1.0\], got 2.0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        CMICConfig(**options)
