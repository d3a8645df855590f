"""Stage 1 of the preset best: clusters both modalities agree on, and labels chosen without the truth."""

import pytest
import torch
import torch.nn.functional as F

from anaglyph.errors import ConfigError
from anaglyph.evaluation.clustering import hungarian_accuracy
from anaglyph.methods.romo.embeddings import average_embeddings, embed_crops, prototypes
from anaglyph.methods.romo.labels import read_pseudo_labels
from anaglyph.methods.romo.partitions import choose_partition, imbalance, normalised_cut
from anaglyph.randomness import torch_generator
from methods.synthetic import context, crops, make_method, objects, train
from reference.partitions import slow_normalised_cut

SMALL = {"embed_dim": 16, "clusters": 4, "head_multiples": [1, 1, 2], "draws": 1}


def discovered(tmp_path, **options):
    dataset = objects(60, groups=4)
    method = make_method("romo_discover", {**SMALL, **options}, count=60)
    train(method, dataset, steps=40, lr=5e-3)
    method.eval()
    with torch.no_grad():
        method.finish(context(dataset, epoch=4), tmp_path)
    return dataset, read_pseudo_labels(tmp_path, dataset.keys, clusters=4)


@pytest.mark.parametrize("source", ["best", "graph10", "consensus", "kmeans", "head"])
def test_four_kinds_of_objects_are_found_without_labels(tmp_path, source):
    dataset, pseudo = discovered(tmp_path, labels_from=source)
    assert hungarian_accuracy(pseudo.labels["image"], dataset.labels).accuracy > 0.9
    assert torch.equal(pseudo.labels["image"], pseudo.labels["shape"])
    assert 0.25 <= float(pseudo.confidence["image"].min()) <= float(pseudo.confidence["image"].max()) <= 1


def test_a_head_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="head needs a multiple of 1"):
        discovered(tmp_path, labels_from="head", head_multiples=[2])


def test_fewer_objects_than_clusters_are_refused():
    with pytest.raises(ConfigError, match="3 objects cannot form 4 clusters"):
        make_method("romo_discover", SMALL, count=3)


def test_crops_are_embedded_like_separate_batches_in_eval_mode():
    dataset = objects(8)
    method = make_method("romo_discover", SMALL).eval()
    batch = crops(dataset, 3)
    together = embed_crops(method, "shape", batch)
    for one, crop in zip(together, (batch, *batch.crops), strict=True):
        torch.testing.assert_close(one, method.embed("shape", crop), rtol=1e-4, atol=1e-5)


def test_average_embeddings_are_unit_and_in_row_order():
    dataset = objects(20)
    method = make_method("romo_discover", SMALL, count=20).eval()
    with torch.no_grad():
        plain = average_embeddings(method, context(dataset), draws=0)["image"]
        expected = method.embed("image", dataset.batch(range(20), epoch=None))
        averaged = average_embeddings(method, context(dataset), draws=2)["image"]
    torch.testing.assert_close(plain, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(averaged.norm(dim=1), torch.ones(20))


def test_prototypes_are_unit_means_and_zero_for_nobody():
    generator = torch_generator("prototypes")
    embeddings = {
        name: F.normalize(torch.randn(6, 5, generator=generator), dim=1) for name in ("image", "shape")
    }
    centres = prototypes(embeddings, torch.tensor([0, 0, 2, 2, 2, 0]), clusters=3)
    fused = F.normalize(embeddings["image"] + embeddings["shape"], dim=1)
    torch.testing.assert_close(centres[0], F.normalize(fused[[0, 1, 5]].sum(dim=0), dim=0))
    assert torch.equal(centres[1], torch.zeros(5))


def test_normalised_cut_equals_the_double_loop():
    generator = torch_generator("cut")
    source = torch.randint(0, 4, (200,), generator=generator)
    target = torch.where(torch.rand(200, generator=generator) < 0.7, source, (source + 1) % 4)
    assert normalised_cut(source, target, clusters=5) == pytest.approx(
        slow_normalised_cut(source.tolist(), target.tolist(), 5)
    )


def test_balance_of_equal_and_of_single_groups():
    assert imbalance(torch.arange(12) % 3, clusters=3) == pytest.approx(0.0)
    assert imbalance(torch.zeros(12, dtype=torch.int64), clusters=3) == pytest.approx(1.0986, abs=1e-4)


def test_the_true_partition_wins_over_a_split_and_merged_one():
    generator = torch_generator("blobs")
    truth = torch.arange(200) % 4
    fused = F.normalize(torch.eye(4)[truth] + 0.2 * torch.randn(200, 4, generator=generator), dim=1)
    broken = truth.clone()
    broken[truth == 1] = 0  # two merged ...
    broken[(truth == 2) & (torch.arange(200) % 8 < 4)] = 1  # ... and one split
    name, scores = choose_partition(fused, {"truth": truth, "broken": broken}, clusters=4)
    assert name == "truth"
    assert scores["truth"] < scores["broken"]
