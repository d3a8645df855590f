"""RoMo's second stage: labels by key, robust loss, masked negatives, averages and refreshes."""

import pytest
import torch
import torch.nn.functional as F

from anaglyph.errors import ConfigError, DataError, WeightsError
from anaglyph.io.weights import write_weights
from anaglyph.losses.contrastive import common_space_loss
from anaglyph.losses.robust import robust_concentrating_loss
from anaglyph.methods.romo.labels import (
    IGNORED,
    MODALITIES,
    PseudoLabels,
    read_pseudo_labels,
    write_pseudo_labels,
)
from anaglyph.methods.romo.learn import same_label
from methods.synthetic import context, crops, make_method, objects, train

SMALL = {"embed_dim": 16, "clusters": 4}


def labelled(tmp_path, dataset, labels=None, confidence=None):
    labels = torch.from_numpy(dataset.labels) % 4 if labels is None else labels
    confidence = torch.ones(len(dataset)) if confidence is None else confidence
    pseudo = PseudoLabels(dict.fromkeys(MODALITIES, labels), dict.fromkeys(MODALITIES, confidence))
    write_pseudo_labels(tmp_path, dataset.keys, pseudo)
    return {"annotate": tmp_path}


def started(tmp_path, dataset, *, labels=None, **options):
    method = make_method("romo_learn", {**SMALL, **options}, count=len(dataset))
    method.eval()
    with torch.no_grad():
        method.start(context(dataset, artefacts=labelled(tmp_path, dataset, labels)))
    return method


def test_labels_are_joined_by_key_not_by_row(tmp_path):
    dataset = objects(10)
    labels = torch.arange(10) % 4
    artefacts = labelled(tmp_path, dataset, labels)
    shuffled = dataset.subset([9, 3, 0, 1, 2, 8, 7, 6, 5, 4])
    method = make_method("romo_learn", SMALL, count=10)
    method.start(context(shuffled, artefacts=artefacts))
    assert method.image_labels.tolist() == labels[[9, 3, 0, 1, 2, 8, 7, 6, 5, 4]].tolist()


def test_labels_of_other_data_are_refused(tmp_path):
    dataset = objects(10)
    artefacts = labelled(tmp_path, dataset.subset(range(6)), torch.zeros(6, dtype=torch.int64), torch.ones(6))
    method = make_method("romo_learn", SMALL, count=10)
    with pytest.raises(DataError, match="no label for 4 of 10 objects"):
        method.start(context(dataset, artefacts=artefacts))


def test_labels_beyond_the_clusters_are_refused(tmp_path):
    dataset = objects(6)
    labelled(tmp_path, dataset, torch.full((6,), 7))
    with pytest.raises(DataError, match=r"allowed are 0\.\.3 and -1"):
        read_pseudo_labels(tmp_path, dataset.keys, clusters=4)


def test_without_an_annotation_stage_the_recipe_is_named():
    with pytest.raises(ConfigError, match=r"needs: \[annotate\]"):
        make_method("romo_learn", SMALL).start(context(objects(8)))


def test_the_step_is_the_weighted_sum_of_both_losses(tmp_path):
    dataset = objects(8)
    method = started(tmp_path, dataset, label_weight=0.7, contrast_weight=0.3).train()
    output = method.training_step(crops(dataset, 1))
    expected = 0.7 * output.parts["robust_labels"] + 0.3 * output.parts["common_space"]
    torch.testing.assert_close(output.loss, expected)
    model, batch = method.student, crops(dataset, 1)
    raw = {name: model.features(name, batch) for name in MODALITIES}
    rdl = sum(
        robust_concentrating_loss(model.logits(name, raw[name]), method.image_labels, form="clip")
        for name in MODALITIES
    )
    mlm = common_space_loss(*(F.normalize(raw[name], dim=1) for name in MODALITIES), temperature=0.15)
    torch.testing.assert_close(output.parts["robust_labels"], rdl)
    torch.testing.assert_close(output.parts["common_space"], mlm)


def test_same_label_mask_leaves_out_self_and_ignored():
    mask = same_label(torch.tensor([2, IGNORED, 2, IGNORED, 1]))
    assert mask.nonzero().tolist() == [[0, 2], [2, 0]]


def test_masking_same_labels_lowers_the_contrast_when_all_share_one(tmp_path):
    dataset = objects(8)
    labels = torch.zeros(8, dtype=torch.int64)
    masked = started(tmp_path, dataset, labels=labels, mask_same_label=True)
    contrast = masked.training_step(crops(dataset, 1)).parts["common_space"]
    assert float(contrast.detach()) == pytest.approx(0.0, abs=1e-6)


def test_the_mask_asks_both_modalities(tmp_path):
    dataset = objects(8)
    method = started(tmp_path, dataset, labels=torch.zeros(8, dtype=torch.int64), mask_same_label=True)
    method.shape_labels.copy_(torch.arange(8) % 4)
    contrast = method.training_step(crops(dataset, 1)).parts["common_space"]
    assert float(contrast.detach()) > 0.1


def test_per_modality_heads_are_two(tmp_path):
    method = started(tmp_path, objects(8), shared_head=False)
    assert set(method.student.heads) == set(MODALITIES)


def test_the_average_embeds_in_eval_mode_and_follows_training(tmp_path):
    dataset = objects(12, groups=4)
    method = started(tmp_path, dataset, average_decay=0.9)
    before = method.eval().embed("image", crops(dataset, 1))
    train(method, dataset, steps=5)
    averaged = method.eval().embed("image", crops(dataset, 1))
    current = F.normalize(method.student.eval().features("image", crops(dataset, 1)), dim=1)
    assert not torch.allclose(averaged, before)
    assert not torch.allclose(averaged, current)


def test_a_refresh_takes_the_fused_prediction_of_both_modalities(tmp_path):
    dataset = objects(40, groups=4)
    method = started(tmp_path, dataset, refresh_every=2, average_decay=0.5, head="cosine", draws=0)
    before = method.image_labels.clone()
    train(method, dataset, steps=5)
    method.eval()
    plain = dataset.batch(range(40), epoch=None)
    with torch.no_grad():
        expected = (method.classify("image", plain) + method.classify("shape", plain)) / 2
        method.before_epoch(context(dataset, epoch=1))  # not due
        assert torch.equal(method.image_labels, before)
        logged = {}
        method.before_epoch(context(dataset, epoch=2, log=logged.update))
    assert torch.equal(method.image_labels, expected.argmax(dim=1))
    assert torch.equal(method.shape_labels, method.image_labels)
    torch.testing.assert_close(method.image_confidence, expected.amax(dim=1), rtol=1e-4, atol=1e-5)
    changed = (method.image_labels != before).float().mean()
    assert logged["labels_changed"] == pytest.approx(float(changed))
    assert changed > 0


def test_labels_stay_fixed_without_refreshes(tmp_path):
    dataset = objects(12, groups=4)
    method = started(tmp_path, dataset)
    before = method.image_labels.clone()
    with torch.no_grad():
        method.before_epoch(context(dataset, epoch=1))
    assert torch.equal(method.image_labels, before)


def test_a_warm_start_takes_the_networks_of_stage_one(tmp_path):
    dataset = objects(16, groups=4)
    first = make_method("romo_discover", {"embed_dim": 16, "clusters": 4}, count=16)
    train(first, dataset, steps=40, lr=3e-3)
    artefacts = labelled(tmp_path, dataset)
    write_weights(tmp_path / "model.safetensors", first.state_dict(), header={})
    options = {"projection": "linear", "start_from": "annotate", "head": "cosine", "draws": 1}
    method = make_method("romo_learn", {**SMALL, **options}, count=16)
    method.eval()
    with torch.no_grad():
        method.start(context(dataset, artefacts=artefacts))
    first.eval()
    torch.testing.assert_close(
        method.embed("image", crops(dataset, 1)), first.embed("image", crops(dataset, 1))
    )
    posterior = method.classify("image", dataset.batch(range(16), epoch=None))
    assert (posterior.argmax(dim=1) == method.image_labels).float().mean() > 0.5


def test_a_warm_start_from_other_networks_names_the_keys(tmp_path):
    dataset = objects(16, groups=4)
    artefacts = labelled(tmp_path, dataset)
    write_weights(tmp_path / "model.safetensors", {"encoders.x": torch.ones(1)}, header={})
    method = make_method("romo_learn", {**SMALL, "start_from": "annotate"}, count=16)
    with pytest.raises(WeightsError, match="missing"):
        method.start(context(dataset, artefacts=artefacts))
