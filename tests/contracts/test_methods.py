"""What every registered method must keep."""

import math
from dataclasses import replace

import pytest
import torch

from anaglyph.config import dump_yaml, parse_yaml, structure
from anaglyph.errors import DataError
from anaglyph.methods.catalog import METHODS
from methods.contract_kinds import SMALL, kind_of

TRAINED = [name for name in METHODS.names() if METHODS.load(name).trains]
UNTRAINED = [name for name in METHODS.names() if not METHODS.load(name).trains]
UNLABELLED = [name for name in TRAINED if not METHODS.load(name).uses_labels]
LABELLED = [name for name in TRAINED if METHODS.load(name).uses_labels]
# What the loss cannot go below with a perfect embedding is part of the objective; "falls by" is measured
# from the first loss towards it.
FLOOR = {
    "cmic": 0.0,
    "crossmost": 0.1 * 2 * math.log(3),  # both modalities' fairness
    "finetune": 0.0,
    "image_text": 0.0,
    "mixcon3d": 0.0,
    "multi_positive": 0.0,
    "openshape": 0.0,
    "pair_contrast": 0.0,
    "romo_annotate": 0.0,
    "romo_discover": -2 * 4 * 1.9,
    "romo_learn": 0.0,
    "ulip": 0.0,
}

every = pytest.mark.parametrize("name", METHODS.names())
trained = pytest.mark.parametrize("name", TRAINED)


def test_every_method_is_covered_here():
    assert set(METHODS.names()) == set(SMALL)
    assert set(TRAINED) == set(FLOOR)
    assert set(LABELLED) == {"cmic", "finetune"}
    assert set(UNTRAINED) == {"multi_view_zero"}


@trained
def test_the_loss_falls_by_a_third_in_forty_steps_on_eight_pairs(name, tmp_path):
    kind = kind_of(name)
    losses = kind.train(kind.ready(tmp_path), steps=40)
    assert losses[-1] - FLOOR[name] < 0.67 * (losses[0] - FLOOR[name]), (losses[0], losses[-1])


@every
def test_embeddings_are_unit_vectors_and_ignore_their_batch(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path).eval()
    width = {}
    for modality in method.inputs:
        given = kind.read_by(modality, kind.batch().without_labels())
        together = method.embed(modality, given)
        per_shape = given.views is not None and modality == "shape"
        assert together.shape[:-1] == (given.views.shape[:2] if per_shape else (len(given),))
        torch.testing.assert_close(together.norm(dim=-1), torch.ones(together.shape[:-1]))
        alone = kind.row(modality, 3)
        torch.testing.assert_close(method.embed(modality, alone), together[3:4], rtol=1e-4, atol=1e-5)
        assert not torch.equal(together[3], together[4])
        width[modality] = together.shape[-1]
    assert len(set(width.values())) == 1


@every
def test_scores_compare_every_query_with_every_shape(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path).eval()
    batch = kind.batch().without_labels()
    query, items = (
        method.embed(modality, kind.read_by(modality, batch)).detach()
        for modality in (
            "image" if "image" in method.inputs else "shape",
            "shape" if "shape" in method.inputs else "text",
        )
    )
    scores = method.score(query, items)
    assert scores.shape == (len(query), len(items))
    torch.testing.assert_close(method.score(query[2:3], items[5:6]), scores[2:3, 5:6])


@pytest.mark.parametrize("name", [name for name in METHODS.names() if "image" in METHODS.load(name).inputs])
def test_several_views_of_an_image_are_averaged_in_feature_space(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path).eval()
    batch = kind.batch()
    read = {field: batch.require(field) for field in method.inputs["image"]}
    more = replace(batch, **{field: torch.cat([value, value, value], dim=1) for field, value in read.items()})
    torch.testing.assert_close(
        method.embed("image", more), method.embed("image", batch), rtol=1e-4, atol=1e-5
    )


@trained
def test_every_trainable_parameter_gets_a_gradient(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path)
    batch = kind.batch(method.crops)
    method.training_step(batch if method.uses_labels else batch.without_labels()).loss.backward()
    without = [key for key, p in method.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    grouped = [id(p) for group in method.param_groups() for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in method.parameters() if p.requires_grad)


@trained
def test_parts_are_named_scalars_without_surprises(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path)
    batch = kind.batch(2)
    output = method.training_step(batch if method.uses_labels else batch.without_labels())
    assert output.parts
    assert all(part.shape == () and torch.isfinite(part) for part in output.parts.values())
    assert output.loss.shape == ()


@trained
def test_a_state_dict_is_the_whole_state(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path)
    kind.train(method, steps=2)
    other = kind.make()
    other.load_state_dict(method.state_dict())
    expected = kind.train(method, steps=3)
    assert kind.train(other, steps=3) == expected
    for key, value in method.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


@pytest.mark.parametrize("name", [name for name in TRAINED if METHODS.load(name).accumulates])
def test_a_step_of_a_method_that_accumulates_is_the_objective_of_features_by_row(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path).eval()
    batch = kind.batch().without_labels()
    features = method.encode(batch)
    assert {len(feature) for feature in features.values()} == {len(batch)}
    whole = method.training_step(batch)
    found = method.objective(features)
    assert torch.equal(found.loss, whole.loss)
    assert found.parts.keys() == whole.parts.keys()
    alone = method.encode(kind.row("shape", 3))
    for key, feature in features.items():
        torch.testing.assert_close(alone[key], feature[3:4], rtol=1e-4, atol=1e-5)


@every
def test_the_config_survives_yaml(name):
    config_cls = METHODS.load(name).config_cls
    config = structure(config_cls, SMALL[name], where="test")
    assert structure(config_cls, parse_yaml(dump_yaml(config)), where="test") == config


@pytest.mark.parametrize("name", UNLABELLED)
def test_labels_never_change_a_step(name, tmp_path):
    kind = kind_of(name)
    plain = kind.ready(tmp_path).training_step(kind.batch().without_labels()).loss
    again = kind.ready(tmp_path).training_step(kind.batch()).loss
    assert torch.equal(plain, again)


@pytest.mark.parametrize("name", LABELLED)
def test_a_method_of_labels_refuses_a_batch_without_them(name, tmp_path):
    kind = kind_of(name)
    with pytest.raises(DataError, match=r"categories|labels"):
        kind.ready(tmp_path).training_step(kind.batch().without_labels())


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_method_without_training_refuses_a_step_and_has_nothing_that_learns(name, tmp_path):
    kind = kind_of(name)
    method = kind.ready(tmp_path)
    with pytest.raises(TypeError, match=f"{name} is not trained"):
        method.training_step(kind.batch())
    assert not any(p.requires_grad for p in method.parameters())
    assert method.param_groups() == []


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_state_dict_of_a_method_without_training_is_the_whole_state(name, tmp_path):
    kind = kind_of(name)
    method, other = kind.make(), kind.make(weights=1)
    for loaded in (False, True):
        if loaded:
            other.load_state_dict(method.state_dict())
        for modality in method.inputs:
            given = kind.read_by(modality, kind.batch())
            assert torch.equal(method.embed(modality, given), other.embed(modality, given)) == loaded
