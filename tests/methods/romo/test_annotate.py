"""RoMo's first stage: memory, aligned clusters, collapse guard, label emission and the published faults."""

import pytest
import torch
import torch.nn.functional as F

from anaglyph.errors import ConfigError, TrainingError
from anaglyph.evaluation.clustering import agreement
from anaglyph.methods.romo.clusters import aligned_centroids
from anaglyph.methods.romo.config import AnnotateConfig
from anaglyph.methods.romo.labels import MODALITIES, emit_labels
from anaglyph.randomness import torch_generator
from methods.synthetic import context, crops, make_method, objects, train

SMALL = {"embed_dim": 16, "clusters": 4, "warmup_epochs": 0}


def built(dataset, **options):
    method = make_method("romo_annotate", {**SMALL, **options}, count=len(dataset))
    method.eval()
    with torch.no_grad():
        method.before_epoch(context(dataset))
    return method


def two_view_mixture(count=400, dim=32, clusters=5):
    """Unit vectors around 5 centres; the two views have different centres, objects stay paired."""
    generator = torch_generator("mixture")
    label = torch.arange(count) % clusters
    centre = F.normalize(torch.randn(clusters, dim, generator=generator), dim=1)
    turned = F.normalize(centre + 0.35 * torch.randn(clusters, dim, generator=generator) / dim**0.5, dim=1)
    views = {
        name: F.normalize(c[label] + 0.4 * torch.randn(count, dim, generator=generator) / dim**0.5, dim=1)
        for name, c in zip(MODALITIES, (centre, turned), strict=True)
    }
    return views, label


def cluster_agreement(views, **options):
    config = AnnotateConfig(clusters=5, **options)
    centroids = aligned_centroids(views, config, seed=(0,))
    picked = {name: (views[name] @ centroids[name].T).argmax(dim=1) for name in MODALITIES}
    return agreement(picked["image"], picked["shape"])


def test_joint_centroids_make_cluster_numbers_mean_the_same_in_both_modalities():
    views, _ = two_view_mixture()
    assert cluster_agreement(views) > 0.95
    assert cluster_agreement(views, align_centroids=False) < 0.95


def test_memory_rows_are_unit_embeddings_of_their_own_objects():
    dataset = objects(23)
    method = built(dataset)
    batch = crops(dataset, 1)
    plain = dataset.batch(range(23), epoch=None)
    for name in MODALITIES:
        expected = method.embed(name, plain)
        torch.testing.assert_close(method.memory[name].bank, expected, rtol=1e-4, atol=1e-5)
    assert len(batch) == 23


def test_memory_moves_by_the_momentum_rule_and_only_where_the_batch_was():
    dataset = objects(12)
    method = built(dataset).train()
    before = {name: method.memory[name].bank.clone() for name in MODALITIES}
    rows = [7, 2, 9]
    batch = dataset.batch(rows, epoch=0).without_labels()
    method.training_step(batch)
    raw = {name: method._pending[1][name] for name in MODALITIES}
    method.after_step()
    untouched = [row for row in range(12) if row not in rows]
    for name in MODALITIES:
        expected = F.normalize(0.9 * before[name][rows] + 0.1 * F.normalize(raw[name], dim=1), dim=1)
        torch.testing.assert_close(method.memory[name].bank[rows], expected)
        assert torch.equal(method.memory[name].bank[untouched], before[name][untouched])


def test_a_skipped_step_leaves_memory_alone():
    dataset = objects(12)
    method = built(dataset).train()
    before = method.memory["image"].bank.clone()
    method.training_step(crops(dataset, 1))  # no after_step: the engine refused the step
    assert torch.equal(method.memory["image"].bank, before)


def test_the_warm_up_trains_the_common_space_alone():
    dataset = objects(12)
    method = make_method("romo_annotate", {**SMALL, "warmup_epochs": 2}, count=12)
    with torch.no_grad():
        method.before_epoch(context(dataset, epoch=0))
    assert set(method.training_step(crops(dataset, 1)).parts) == {"common_space"}
    with torch.no_grad():
        method.before_epoch(context(dataset, epoch=2))
    assert set(method.training_step(crops(dataset, 1)).parts) == {"common_space", "self_matching"}


def collapse(method):
    with torch.no_grad():
        for name in MODALITIES:
            method.memory[name].bank.copy_(F.normalize(torch.ones_like(method.memory[name].bank), dim=1))


def test_constant_embeddings_trigger_the_collapse_guard():
    dataset = objects(16)
    method = built(dataset, on_collapse="stop")
    collapse(method)
    with torch.no_grad(), pytest.raises(TrainingError, match="collapsed: one holds 100%"):
        method.before_epoch(context(dataset, epoch=1))


def test_a_third_collapse_ends_the_run_even_when_clusters_are_restarted():
    dataset = objects(16)
    method = built(dataset)
    with torch.no_grad():
        for epoch in (1, 2):
            collapse(method)
            method.before_epoch(context(dataset, epoch=epoch))
        collapse(method)
        with pytest.raises(TrainingError, match="3 in a row"):
            method.before_epoch(context(dataset, epoch=3))


def test_healthy_clusters_pass_the_guard():
    dataset = objects(40, groups=4)
    method = built(dataset, on_collapse="stop")
    logged = {}
    with torch.no_grad():
        method.before_epoch(context(dataset, epoch=1, log=logged.update))
    assert logged["occupied_clusters"] == 4
    assert logged["largest_share"] <= 0.5


def test_fusion_modes_of_label_emission():
    posteriors = {
        "image": torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]),
        "shape": torch.tensor([[0.7, 0.3], [0.1, 0.9], [0.4, 0.6]]),
    }
    none = emit_labels(posteriors, fusion="none")
    assert none.labels["image"].tolist() == [0, 0, 1]
    assert none.labels["shape"].tolist() == [0, 1, 1]
    mean = emit_labels(posteriors, fusion="mean")
    assert mean.labels["image"].tolist() == mean.labels["shape"].tolist() == [0, 1, 1]
    torch.testing.assert_close(mean.confidence["image"], torch.tensor([0.8, 0.65, 0.7]))
    agree = emit_labels(posteriors, fusion="agree")
    assert agree.labels["image"].tolist() == agree.labels["shape"].tolist() == [0, -1, 1]


@pytest.mark.parametrize("target", ["hard", "soft", "sinkhorn"])
@pytest.mark.parametrize("fused", [False, True])
def test_every_kind_of_target_trains(target, fused):
    dataset = objects(16, groups=4)
    method = built(dataset, target=target, fused_target=fused, soft_temperature=0.05)
    losses = train(method, dataset, steps=15)
    assert losses[-1] < losses[0]


def test_labels_are_written_per_modality_in_the_released_format(tmp_path):
    dataset = objects(16, groups=4)
    method = built(dataset)
    with torch.no_grad():
        written = method.finish(context(dataset, epoch=4), tmp_path)
    assert {path.name for path in written} == {
        f"{kind}_{name}.txt" for kind in ("labels", "confidence") for name in MODALITIES
    }
    lines = (tmp_path / "labels_image.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == list(dataset.keys)
    assert all(line.split()[2] == "-1" and int(line.split()[1]) in range(4) for line in lines)


def test_a_collapse_in_the_last_epoch_is_not_emitted(tmp_path):
    dataset = objects(16)
    method = built(dataset)
    collapse(method)
    with (
        torch.no_grad(),
        pytest.raises(TrainingError, match="emitted labels collapsed: one cluster holds 100%"),
    ):
        method.finish(context(dataset, epoch=4), tmp_path)
    assert not list(tmp_path.iterdir())


def test_cluster_scores_stay_float32_under_autocast():
    dataset = objects(16)
    method = built(dataset, target="soft", soft_temperature=0.05)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        targets = method._targets(torch.arange(16))
        posteriors = method.posteriors()
    assert targets["image"].dtype == torch.float32
    assert posteriors["shape"].dtype == torch.float32


def test_more_clusters_than_objects_are_refused_at_once():
    with pytest.raises(ConfigError, match="8 objects cannot form 9 clusters"):
        make_method("romo_annotate", {**SMALL, "clusters": 9}, count=8)


def test_finishing_inside_the_warm_up_says_what_to_change(tmp_path):
    method = make_method("romo_annotate", {**SMALL, "warmup_epochs": 9}, count=8)
    with pytest.raises(TrainingError, match="all 4 epochs were warm-up"):
        method.finish(context(objects(8), epoch=4), tmp_path)


def test_selection_by_agreement_keeps_the_best_epoch(tmp_path):
    dataset = objects(40, groups=4)
    method = built(dataset, select="agreement", on_collapse="ignore")
    best = method.selected().labels["image"].clone()
    collapse(method)
    with torch.no_grad():
        method.before_epoch(context(dataset, epoch=1))
    assert torch.equal(method.selected().labels["image"], best)


LEAKS = {"farthest_truth_labels": True, "select": "oracle", "scrambled_memory": True, "on_collapse": "ignore"}


def test_the_published_labels_are_the_truth_at_the_farthest_neighbour():
    dataset = objects(40, groups=4)
    method = make_method("romo_annotate", {**SMALL, **LEAKS}, count=40)
    assert method.uses_labels
    method.eval()
    with torch.no_grad():
        method.before_epoch(context(dataset, labels=True))
    truth = torch.from_numpy(dataset.labels)
    bank = {name: F.normalize(method.memory[name].bank, dim=1) for name in MODALITIES}
    for row in range(40):
        farthest = min(range(40), key=lambda j: float(bank["image"][row] @ bank["shape"][j]))
        assert method.selected().labels["image"][row] == truth[farthest]


def test_the_published_memory_is_scrambled_and_not_of_unit_norm():
    dataset = objects(60)
    method = make_method("romo_annotate", {**SMALL, **LEAKS}, count=60)
    method.eval()
    with torch.no_grad():
        method.before_epoch(context(dataset, labels=True))
    norms = method.memory["image"].bank.norm(dim=1)
    assert float((norms - 1).abs().max()) > 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be > 0"),
        ({"clusters": 1}, "clusters must be at least 2"),
        ({"ssm_weight": 1.5}, r"ssm_weight must lie in \[0, 1\]"),
    ],
)
def test_impossible_options_are_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        AnnotateConfig(**options)
