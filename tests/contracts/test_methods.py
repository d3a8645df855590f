"""What every registered method must keep."""

import pytest
import torch

from anaglyph.config import dump_yaml, parse_yaml, structure
from anaglyph.methods.catalog import METHODS
from anaglyph.methods.romo.labels import MODALITIES, PseudoLabels, write_pseudo_labels
from methods.synthetic import context, crops, make_method, objects, train

SMALL = {
    "pair_contrast": {"embed_dim": 16},
    "romo_annotate": {"embed_dim": 16, "clusters": 4, "warmup_epochs": 0},
    "romo_discover": {"embed_dim": 16, "clusters": 4},
    "romo_learn": {"embed_dim": 16, "clusters": 4, "average_decay": 0.9},
}
# What the loss cannot go below with a perfect embedding is part of the objective; "falls by" is measured
# from the first loss towards it.
FLOOR = {"pair_contrast": 0.0, "romo_annotate": 0.0, "romo_discover": -2 * 4 * 1.9, "romo_learn": 0.0}


@pytest.fixture(params=METHODS.names())
def name(request):
    return request.param


def ready(name, tmp_path, dataset):
    """A method after everything that comes before its first ordinary step."""
    method = make_method(name, SMALL[name], count=len(dataset))
    artefacts = {}
    if name == "romo_learn":
        labels = torch.arange(len(dataset)) % 4
        pseudo = PseudoLabels(
            dict.fromkeys(MODALITIES, labels), dict.fromkeys(MODALITIES, torch.ones(len(dataset)))
        )
        write_pseudo_labels(tmp_path, dataset.keys, pseudo)
        artefacts = {"annotate": tmp_path}
    method.eval()
    with torch.no_grad():
        method.start(context(dataset, artefacts=artefacts))
        method.before_epoch(context(dataset, artefacts=artefacts))
    return method.train()


def test_every_method_is_covered_here():
    assert set(METHODS.names()) == set(SMALL)


def test_the_loss_falls_by_a_third_in_forty_steps_on_eight_pairs(name, tmp_path):
    dataset = objects(8)
    losses = train(ready(name, tmp_path, dataset), dataset, steps=40)
    assert losses[-1] - FLOOR[name] < 0.67 * (losses[0] - FLOOR[name]), (losses[0], losses[-1])


def test_embeddings_are_unit_vectors_and_ignore_their_batch(name, tmp_path):
    dataset = objects(8)
    method = ready(name, tmp_path, dataset).eval()
    batch = crops(dataset, 1)
    alone = dataset.batch([3], epoch=0).without_labels()
    for modality in method.inputs:
        together = method.embed(modality, batch)
        torch.testing.assert_close(together.norm(dim=1), torch.ones(8))
        torch.testing.assert_close(method.embed(modality, alone), together[3:4], rtol=1e-4, atol=1e-5)


def test_several_views_of_an_image_are_averaged_in_feature_space(name, tmp_path):
    dataset = objects(8)
    method = ready(name, tmp_path, dataset).eval()
    batch = crops(dataset, 1)
    images = batch.require("images")
    twice = type(batch)(batch.keys, batch.indices, images.repeat(1, 3, 1, 1, 1), batch.points)
    torch.testing.assert_close(
        method.embed("image", twice), method.embed("image", batch), rtol=1e-4, atol=1e-5
    )


def test_every_trainable_parameter_gets_a_gradient(name, tmp_path):
    dataset = objects(8)
    method = ready(name, tmp_path, dataset)
    method.training_step(crops(dataset, method.crops)).loss.backward()
    without = [key for key, p in method.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    grouped = {id(p) for group in method.param_groups() for p in group["params"]}
    assert grouped == {id(p) for p in method.parameters() if p.requires_grad}


def test_parts_are_named_scalars_without_surprises(name, tmp_path):
    dataset = objects(8)
    output = ready(name, tmp_path, dataset).training_step(crops(dataset, 2))
    assert output.parts
    assert all(part.shape == () and torch.isfinite(part) for part in output.parts.values())
    assert output.loss.shape == ()


def test_a_state_dict_is_the_whole_state(name, tmp_path):
    dataset = objects(8)
    method = ready(name, tmp_path, dataset)
    train(method, dataset, steps=2)
    other = make_method(name, SMALL[name], count=8)
    other.load_state_dict(method.state_dict())
    expected = train(method, dataset, steps=3)
    assert train(other, dataset, steps=3) == expected
    for key, value in method.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def test_the_config_survives_yaml(name):
    config_cls = METHODS.load(name).config_cls
    config = structure(config_cls, SMALL[name], where="test")
    assert structure(config_cls, parse_yaml(dump_yaml(config)), where="test") == config


def test_labels_never_change_a_step(name, tmp_path):
    dataset = objects(8)
    method = ready(name, tmp_path, dataset)
    assert not method.uses_labels
    with_labels = dataset.batch(range(8), epoch=0)
    plain = method.training_step(crops(dataset, 1)).loss
    again = ready(name, tmp_path, dataset).training_step(with_labels).loss
    assert torch.equal(plain, again)
