"""The dual encoder's objective, and its halves as towers."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from anaglyph.encoders.towers.catalog import open_image_tower, open_text_tower
from anaglyph.errors import ConfigError, DataError, WeightsError
from anaglyph.types import Batch
from tower_files import make_dual, save_dual

TEXTS = (("a red chair",), ("a blue table",), ("a red chair",), ("a lamp",), (), ("a green bottle",))


def batch(views=1, texts=TEXTS):
    images = torch.rand(len(texts), views, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    keys = tuple(f"object {row}" for row in range(len(texts)))
    return Batch(keys=keys, indices=torch.arange(len(texts)), images=images, texts=texts)


def slow_loss(image, text, texts, scale):
    """The definition, one object at a time: both ways, without objects of the same text or of none."""
    terms = []
    for i, own in enumerate(texts):
        if not own:
            continue
        others = [j for j, other in enumerate(texts) if other and (j == i or other != own)]
        for query, keys in ((image[i], text), (text[i], image)):
            logits = torch.stack([scale * (query @ keys[j]) for j in others])
            terms.append(torch.logsumexp(logits, 0) - logits[others.index(i)])
    return sum(terms) / len(terms)


def test_the_loss_is_clips_without_objects_that_share_a_text():
    method = make_dual()
    features = {name: value.detach() for name, value in method.encode(batch()).items()}
    unit = {name: F.normalize(features[name], dim=1) for name in ("image", "text")}
    expected = slow_loss(unit["image"], unit["text"], TEXTS, 1 / 0.07)
    torch.testing.assert_close(method.objective(features).loss.detach(), expected)


def test_a_text_that_repeats_itself_costs_nothing_among_its_own():
    same = (("a chair",),) * 4
    assert float(make_dual().training_step(batch(texts=same)).loss.detach()) == pytest.approx(0.0, abs=1e-6)


def test_objects_without_texts_alone_give_no_loss_but_a_gradient():
    output = make_dual().training_step(batch(texts=((),) * 4))
    output.loss.backward()
    assert float(output.loss.detach()) == 0.0


def test_the_scale_stays_between_1_and_100():
    method = make_dual()
    for start, end in ((-3.0, 0.0), (9.0, math.log(100.0))):
        with torch.no_grad():
            method.scale.log_scale.fill_(start)
        method.after_step()
        assert float(method.scale.log_scale.detach()) == pytest.approx(end)


def test_several_texts_and_views_of_an_object_are_averaged():
    method = make_dual().eval()
    more = batch(views=3)
    more = replace(more, texts=(("one", "two"), *more.texts[1:]))
    with torch.no_grad():
        views = torch.stack([method.student.images(more.images[:, view]) for view in range(3)]).mean(dim=0)
        texts = method.student.texts(["one", "two"]).mean(dim=0)
        torch.testing.assert_close(method.embed("image", more), F.normalize(views, dim=1))
        torch.testing.assert_close(method.embed("text", more)[0], F.normalize(texts, dim=0))


def test_a_batch_without_texts_is_refused_by_name():
    with pytest.raises(DataError, match="no 'texts'"):
        make_dual().training_step(replace(batch(), texts=None))


@pytest.mark.parametrize(
    "config", [{"embed_dim": 0}, {"scale_start": 0.5}, {"average_decay": 1.0}, {"scale_start": 101.0}]
)
def test_options_that_cannot_be_meant_are_refused(config):
    with pytest.raises(ConfigError, match=next(iter(config))):
        make_dual(**config)


@pytest.fixture(params=[0.0, 0.5], ids=["plain", "averaged"])
def trained(request, tmp_path):
    """A method after two steps, and where it was saved."""
    method = make_dual(average_decay=request.param)
    optimiser = torch.optim.Adam(method.parameters(), lr=1e-3)
    for _ in range(2):
        optimiser.zero_grad()
        method.training_step(batch()).loss.backward()
        optimiser.step()
        method.after_step()
    save_dual(tmp_path / "model.safetensors", method, average_decay=request.param)
    return method.eval(), tmp_path


def test_its_halves_are_towers_that_embed_as_it_does(trained):
    method, folder = trained
    image = open_image_tower("dual", {"source": "model.safetensors"}, root=folder)
    text = open_text_tower("dual", {"source": str(folder)}, root=folder)
    assert (image.dim, text.dim, image.preparation.pixels) == (12, 12, 16)
    given = batch()
    with torch.no_grad():
        torch.testing.assert_close(
            F.normalize(image(given.images[:, 0]), dim=1), method.embed("image", given)
        )
        texts = [each[0] if each else "" for each in TEXTS]
        torch.testing.assert_close(F.normalize(text(texts), dim=1), method.embed("text", given))
    assert image.fingerprint != make_other_fingerprint(folder)


def make_other_fingerprint(folder):
    return open_image_tower("dual", {"source": "model.safetensors", "pixels": 24}, root=folder).fingerprint


def test_weights_that_are_none_or_of_another_method_are_named(trained, tmp_path):
    with pytest.raises(WeightsError, match="no weights at"):
        open_text_tower("dual", {"source": "gone"}, root=tmp_path)
    save_dual(tmp_path / "other.safetensors", name="pair_contrast")
    with pytest.raises(WeightsError, match="holds 'pair_contrast'; expected is a trained image_text"):
        open_text_tower("dual", {"source": "other.safetensors"}, root=tmp_path)
