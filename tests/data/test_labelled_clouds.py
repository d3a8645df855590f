import dataclasses

import numpy as np
import pytest
import torch

from anaglyph.data.episodes import episode_splits, parse_episode
from anaglyph.data.labelled_clouds import COVERS, Episode, LabelledClouds, LabelledSpec
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError, DataError
from methods import synthetic

STILL = LabelledSpec(augmentation=PointAugmentation(), vote_augmentation=PointAugmentation())


def made(count=24, groups=4, *, spec=STILL, stored=60, seed=0, salt=0):
    rng = np.random.default_rng(salt)
    return LabelledClouds(
        keys=tuple(f"{salt}-{row:03d}" for row in range(count)),
        class_names=tuple(f"kind-{kind}" for kind in range(groups)),
        labels=np.arange(count) % groups,
        points=rng.normal(size=(count, stored, 3)).astype(np.float32),
        spec=spec,
        seed=seed,
    )


def still(**more):
    return dataclasses.replace(STILL, **more)


def rows_in(picked, cloud):
    return {tuple(point) for point in picked.tolist()} <= {tuple(point) for point in cloud.tolist()}


def test_a_training_access_is_a_random_part_of_the_farthest_points_of_the_cloud_itself():
    clouds = made(spec=still(points=20, cover=30))
    batch = clouds.batch([3], epoch=0)
    assert batch.points.shape == (1, 20, 3)
    assert rows_in(batch.points[0], torch.from_numpy(clouds.points[3]))
    assert len({tuple(point) for point in batch.points[0].tolist()}) == 20


def test_every_epoch_draws_anew_and_the_same_epoch_the_same():
    clouds = made(spec=still(points=20))
    first = clouds.batch([3, 5], epoch=0).points
    assert torch.equal(first, clouds.batch([3, 5], epoch=0).points)
    assert torch.equal(first[1:], clouds.batch([5], epoch=0).points)
    assert not torch.equal(first, clouds.batch([3, 5], epoch=1).points)


def test_the_cover_is_spread_wider_than_points_drawn_evenly():
    clouds = made(spec=still(points=8, cover=8), stored=400)
    even = torch.from_numpy(clouds.points[:, :8])
    nearest = [
        float((torch.cdist(points, points) + 100 * torch.eye(8)).amin(dim=2).mean())
        for points in (clouds.batch(range(24), epoch=0).points, even)
    ]
    assert nearest[0] > 1.5 * nearest[1]


@pytest.mark.parametrize(("points", "cover"), [(1024, 1200), (2048, 2400), (4096, 4800), (8192, 8192)])
def test_published_covers_stand_unless_another_is_asked_for(points, cover):
    assert COVERS[points] == cover


def test_a_cover_is_never_more_than_is_stored():
    assert made(spec=still(points=58)).cover == 60


def test_without_an_epoch_the_whole_cloud_is_covered_and_nothing_is_changed():
    clouds = made(spec=LabelledSpec())
    assert torch.equal(clouds.batch([2], epoch=None).points[0], torch.from_numpy(clouds.points[2]))


def test_votes_differ_from_one_another_and_repeat_exactly():
    clouds = made(spec=LabelledSpec(points=20))
    votes = [clouds.vote([1], repetition=0, vote=vote).points for vote in (0, 1)]
    assert not torch.equal(*votes)
    assert torch.equal(votes[1], clouds.vote([1], repetition=0, vote=1).points)
    assert not torch.equal(votes[1], clouds.vote([1], repetition=1, vote=1).points)


def test_few_labels_are_as_many_of_every_class_and_others_for_another_seed():
    chosen = [made(seed=seed).with_few_labels(2) for seed in (0, 0, 1)]
    assert np.bincount(chosen[0].labels).tolist() == [2, 2, 2, 2]
    assert chosen[0].keys == chosen[1].keys != chosen[2].keys


def test_more_labels_include_the_fewer():
    assert set(made().with_few_labels(1).keys) < set(made().with_few_labels(3).keys)


def test_labels_are_part_of_the_fingerprint():
    clouds = made()
    other = dataclasses.replace(clouds, labels=clouds.labels[::-1].copy())
    assert clouds.fingerprint() != other.fingerprint()


def test_a_class_without_enough_objects_is_named():
    objects = synthetic.objects(8, groups=2)
    with pytest.raises(DataError, match="the class 'kind-0' has 4 objects in the training split"):
        LabelledClouds.of(objects, still(labels_per_class=5), training=True)
    lonely = dataclasses.replace(objects, class_names=(*objects.class_names, "ghost"))
    with pytest.raises(DataError, match="the class 'ghost' has 0 objects"):
        LabelledClouds.of(lonely, STILL, training=True)


def test_more_points_than_stored_are_refused():
    with pytest.raises(DataError, match="61"):
        made(spec=still(points=61))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"points": -1}, "must be >= 0"),
        ({"points": 20, "cover": 10}, "cover=10 must be >= points=20"),
        ({"labels_per_class": 3, "episode": Episode()}, "both choose what has labels"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        LabelledSpec(**options)


@pytest.mark.parametrize("name", ["5way10shot", "5way_10shot", "5-Way-10-shot"])
def test_an_episode_is_written_in_several_ways(name):
    assert parse_episode(name) == Episode(way=5, shot=10)


def test_another_word_is_no_episode():
    with pytest.raises(ConfigError, match="write such as 5way10shot"):
        parse_episode("5x10")


def episode(fold, **more):
    splits = [made(60, 6, salt=1), made(12, 6, salt=2), made(60, 6, salt=3)]
    return episode_splits(splits, Episode(way=3, shot=4, queries=5, fold=fold, **more))


def test_an_episode_has_its_shots_and_queries_of_the_same_classes():
    train, validation, test = episode(0)
    counts = [np.bincount(split.labels, minlength=6) for split in (train, validation, test)]
    used = counts[0] > 0
    assert used.sum() == 3
    assert counts[0][used].tolist() == [4, 4, 4]
    assert counts[1][used].tolist() == [2, 2, 2]
    assert counts[2][used].tolist() == [5, 5, 5]
    assert sum(map(len, (train, validation, test))) == sum(count.sum() for count in counts)


def test_folds_differ_and_a_fold_is_always_the_same():
    assert episode(0)[0].keys == episode(0)[0].keys
    assert len({episode(fold)[0].keys for fold in range(5)}) == 5


def test_the_order_of_the_objects_does_not_change_an_episode():
    splits = [made(60, 6, salt=1), made(12, 6, salt=2), made(60, 6, salt=3)]
    turned = [split.subset(range(len(split))[::-1]) for split in splits]
    kind = Episode(way=3, shot=4, queries=5)
    for one, other in zip(episode_splits(splits, kind), episode_splits(turned, kind), strict=True):
        assert set(one.keys) == set(other.keys)


def test_too_few_objects_for_an_episode_are_counted():
    splits = [made(60, 6, salt=1), made(12, 6, salt=2), made(60, 6, salt=3)]
    with pytest.raises(DataError, match="0 classes have 4 training and 50 test objects"):
        episode_splits(splits, Episode(way=3, shot=4, queries=50))
