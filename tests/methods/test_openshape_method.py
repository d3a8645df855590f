"""OpenShape and the method of many positives: what sets them apart from MixCon3D."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from anaglyph.errors import ConfigError
from methods.tower_batches import WIDTH, batch, make, train
from reference.paired import slow_paired_nce, slow_paired_sets


def units(vectors):
    return F.normalize(vectors, dim=-1).tolist()


def test_openshape_is_two_pairs_in_the_space_of_the_towers_with_one_scale():
    method, given = make("openshape").eval(), batch(6, views=1, texts=1, missing=(1, 4))
    with torch.no_grad():
        points = method.student.encoders["shape"](given.points)
        output = method.training_step(given)
    p, v, t = units(points), units(given.image_features[:, 0]), units(given.text_features[:, 0])
    image = slow_paired_nce(p, v, 1 / 0.07)
    text = slow_paired_nce(p, t, 1 / 0.07, given.text_present[:, 0].tolist())
    assert output.parts["shape_image"].item() == pytest.approx(image, rel=1e-4)
    assert output.parts["shape_text"].item() == pytest.approx(text, rel=1e-4)
    assert output.loss.item() == pytest.approx(image + text, rel=1e-4)
    assert [name for name, _ in method.named_parameters() if "encoders" not in name] == [
        "contrast.scales.shared.log_scale"
    ]


def test_without_heads_tower_vectors_are_their_own_embedding():
    method, given = make("openshape").eval(), batch(4, views=1, texts=1)
    torch.testing.assert_close(method.embed("image", given), F.normalize(given.image_features[:, 0], dim=1))
    torch.testing.assert_close(method.class_vectors(torch.eye(WIDTH)), torch.eye(WIDTH))


def test_the_scale_of_openshape_is_not_bounded():
    method = make("openshape")
    method.contrast.scales["shared"].log_scale.data.fill_(9.0)
    with torch.no_grad():
        method.after_step()
    assert method.contrast.scales["shared"]().item() == pytest.approx(math.exp(9.0))


def test_openshape_with_the_options_of_mixcon3d_learns_too():
    method = make("openshape", head="linear", shared_scale=False, clamp="all", average_decay=0.5)
    losses = train(method, batch(8), steps=30)
    assert losses[-1] < 0.67 * losses[0]
    assert set(method.contrast.scales) == {"shape_image", "shape_text"}


def test_false_negatives_of_openshape_leave_the_softmax():
    given = batch(6, views=1, texts=1, missing=())
    alike = replace(
        given,
        image_features=given.image_features[:1].expand(6, -1, -1),
        text_features=given.text_features[:1].expand(6, -1, -1),
    )
    masked = make("openshape", false_negative_margin=0.1).eval().training_step(alike)
    assert masked.loss.item() == 0  # nobody is anybody's negative
    assert make("openshape").eval().training_step(alike).loss.item() > 1.9 * math.log(6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("openshape", {}),
        ("openshape", {"loss": "infonce_local"}),
        ("mixcon3d", {}),
        ("multi_positive", {"loss": "joint", "texts": 1}),
    ],
)
def test_false_negatives_are_looked_for_within_a_group_of_look_alikes(name, options):
    given = batch(6, views=1, texts=1, missing=())
    alike = replace(
        given,
        points=given.points[:1].expand(6, -1, -1),
        image_features=given.image_features[:1].expand(6, -1, -1),
        text_features=given.text_features[:1].expand(6, -1, -1),
        groups=torch.tensor([0, 1, 0, 2, 1, 0]),
    )
    parts = make(name, false_negative_margin=0.1, **options).eval().training_step(alike).parts
    # All are alike, so a row is one of as many as there are outside of its group, and itself.
    expected = (3 * math.log(4) + 2 * math.log(5) + math.log(6)) / 6
    for pair in ("shape_image", "shape_text"):
        assert parts[pair].item() == pytest.approx(expected, rel=1e-5)
    whole = make(name, **options).eval().training_step(alike).parts
    assert whole["shape_image"].item() == pytest.approx(math.log(6), rel=1e-5)


@pytest.mark.parametrize("form", ["decoupled", "joint"])
def test_many_positives_are_all_pictures_and_all_texts_of_a_shape(form):
    method = make("multi_positive", loss=form, texts=3).eval()
    given = batch(5, views=3, texts=3, missing=(2,))
    with torch.no_grad():
        points = method.student.encoders["shape"](given.points)[:, None]
        images = method.student.heads["shared"](given.image_features)
        texts = method.student.heads["shared"](given.text_features)
        output = method.training_step(given)
    image = slow_paired_sets(units(points), units(images), 1 / 0.07, form=form)
    text = slow_paired_sets(
        units(points), units(texts), 1 / 0.07, None, given.text_present.tolist(), form=form
    )
    assert output.parts["shape_image"].item() == pytest.approx(image, rel=1e-4)
    assert output.parts["shape_text"].item() == pytest.approx(text, rel=1e-4)
    assert output.loss.item() == pytest.approx(image + text, rel=1e-4)


def test_a_step_reads_so_many_texts_whatever_the_batch_holds():
    method = make("multi_positive", texts=3)
    for held in (1, 3, 5):
        features = method.encode(batch(4, texts=held))
        assert features["text"].shape == (4, 3, WIDTH)
        assert features["text_present"].shape == (4, 3)
    losses = [
        method.eval().training_step(given).loss
        for given in (
            batch(4, texts=3),
            replace(
                batch(4, texts=3),
                text_features=F.pad(batch(4, texts=3).text_features, (0, 0, 0, 2)),
                text_present=F.pad(batch(4, texts=3).text_present, (0, 2)),
            ),
        )
    ]
    torch.testing.assert_close(losses[0], losses[1])


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ConfigError, match="without a head text_dim must be embed_dim=16"):
        make("openshape", text_dim=12)
    with pytest.raises(ConfigError, match="loss: infonce reads one text"):
        make("openshape", texts=2)
    with pytest.raises(ConfigError, match="false_negative_margin must be >= 0"):
        make("multi_positive", false_negative_margin=-1.0)
