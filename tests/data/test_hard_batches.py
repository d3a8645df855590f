"""Batches of look-alikes: their rows, their chances, and what the loader makes of them."""

import numpy as np
import pytest
import torch

from anaglyph.data.hard_batches import HardBatches, LookAlikes, group_numbers, hard_rows
from anaglyph.data.loader import epoch_batches, epoch_parts
from anaglyph.data.neighbours import nearest_rows
from anaglyph.errors import ConfigError, DataError
from anaglyph.types import Batch
from reference.hard_batches import slow_epoch


def alike(objects=60, *, nearest=9, group=4, seed=0):
    features = np.random.default_rng(seed).normal(size=(objects, 3))
    return LookAlikes(nearest=nearest_rows(features, nearest), group=group)


@pytest.mark.parametrize(("nearest", "batch", "seed", "epoch"), [(9, 12, 0, 0), (3, 20, 1, 4), (5, 60, 2, 1)])
def test_an_epoch_is_that_of_the_slow_twin(nearest, batch, seed, epoch):
    made = alike(nearest=nearest)
    rows = hard_rows(made, batch=batch, seed=seed, epoch=epoch)
    slow = slow_epoch(made.nearest.tolist(), group=4, batch=batch, seed=seed, epoch=epoch)
    assert [step.tolist() for step in rows] == [[row for group in step for row in group] for step in slow]


def test_a_seed_and_an_epoch_give_these_rows_for_ever():
    ring = LookAlikes(nearest=np.array([[(i + d) % 10 for d in (1, 2, 3, 9)] for i in range(10)]), group=3)
    assert [step.tolist() for step in hard_rows(ring, batch=6, seed=3, epoch=2)] == GOLDEN[2]
    assert [step.tolist() for step in hard_rows(ring, batch=6, seed=3, epoch=3)] == GOLDEN[3]


GOLDEN = {2: [[3, 5, 4, 1, 2, 0]], 3: [[1, 2, 0, 9, 8, 7]]}


def test_batches_have_their_size_hold_no_object_twice_and_groups_are_an_anchor_and_its_nearest():
    made = alike(400, nearest=30)
    rows = hard_rows(made, batch=20, seed=0, epoch=0)
    assert len(rows) == 20
    anchors = []
    for step in rows:
        assert step.shape == (20,)
        assert len(set(step.tolist())) == 20
        for anchor, *company in step.reshape(5, 4).tolist():
            anchors.append(anchor)
            assert set(company) <= set(made.nearest[anchor].tolist())
    assert len(set(anchors)) == len(anchors)


def test_every_object_has_the_same_chance_to_be_an_anchor_and_every_near_one_to_come_with_it():
    made = alike(60, nearest=8, group=3)
    as_anchor, by_place = np.zeros(60), np.zeros(8)
    for epoch in range(300):
        for step in hard_rows(made, batch=6, seed=0, epoch=epoch):
            for anchor, *company in step.reshape(2, 3).tolist():
                as_anchor[anchor] += 1
                near = made.nearest[anchor].tolist()
                for row in company:
                    by_place[near.index(row)] += 1
    # 300 epochs of 20 anchors, and 2 of 8 with each: five standard deviations of counts drawn evenly.
    assert np.abs(as_anchor - 100).max() < 5 * np.sqrt(300 * (1 / 3) * (2 / 3))
    assert np.abs(by_place - 1500).max() < 5 * np.sqrt(12000 * (1 / 8) * (7 / 8))


def test_where_the_near_ones_are_taken_others_fill_the_group():
    twins = LookAlikes(
        nearest=np.array([[(i // 3) * 3 + (i + d) % 3 for d in (1, 2)] for i in range(12)]), group=3
    )
    for epoch in range(20):
        (rows,) = hard_rows(twins, batch=12, seed=0, epoch=epoch)
        assert sorted(rows.tolist()) == list(range(12))


def test_epochs_and_seeds_draw_other_batches():
    drawn = [
        hard_rows(alike(), batch=12, seed=seed, epoch=epoch)[0].tolist()
        for seed, epoch in [(0, 0), (0, 1), (1, 0)]
    ]
    assert len(set(map(tuple, drawn))) == 3


def test_an_epoch_that_starts_mid_way_goes_on_where_the_whole_one_was():
    whole = hard_rows(alike(), batch=12, seed=1, epoch=5)
    for start in range(6):
        rest = hard_rows(alike(), batch=12, seed=1, epoch=5, start=start)
        assert [rows.tolist() for rows in rest] == [rows.tolist() for rows in whole[start:]]


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_processes_together_see_the_batches_and_groups_of_one(world):
    options = {"batch": 12, "seed": 3, "epoch": 2}
    alone = hard_rows(alike(), **options)
    shares = [hard_rows(alike(), **options, rank=rank, world=world) for rank in range(world)]
    for step, rows in enumerate(alone):
        assert np.array_equal(np.concatenate([share[step] for share in shares]), rows)
    numbers = [group_numbers(4, batch=12, rank=rank, world=world) for rank in range(world)]
    assert np.concatenate(numbers).tolist() == [0] * 4 + [1] * 4 + [2] * 4


class Rows:
    """Rows and nothing else; their blocks are of no account to look-alikes."""

    blocks = np.array([0, 30, 60])

    def __len__(self):
        return 60

    def batch(self, indices, *, epoch, crop=0):
        return Batch(
            keys=tuple(map(str, indices)), indices=torch.as_tensor(indices), labels=torch.zeros(len(indices))
        )


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_the_loader_says_which_group_each_row_of_a_part_was_drawn_in(parts):
    options = {"seed": 0, "epoch": 1, "batch": 24, "rank": 1, "world": 2}
    rows = hard_rows(alike(), **options)
    steps = list(epoch_parts(Rows(), parts=parts, alike=alike(), **options))
    assert len(steps) == len(rows) == 2
    for step, expected in zip(steps, rows, strict=True):
        assert torch.cat([part.indices for part in step]).tolist() == expected.tolist()
        assert torch.cat([part.groups for part in step]).tolist() == [3] * 4 + [4] * 4 + [5] * 4
        assert all(part.labels is None for part in step)


def test_worker_processes_make_the_same_batches_with_the_same_groups():
    options = {"seed": 0, "epoch": 1, "batch": 12, "alike": alike()}
    here, there = (list(epoch_batches(Rows(), **options, workers=workers)) for workers in (0, 1))
    for a, b in zip(here, there, strict=True):
        assert a.keys == b.keys
        assert a.groups.tolist() == b.groups.tolist()


def test_objects_drawn_evenly_are_in_no_group():
    assert next(epoch_batches(Rows(), seed=0, epoch=0, batch=12)).groups is None


def test_what_cannot_be_made_is_refused():
    for batch in (4, 10):
        with pytest.raises(
            ConfigError, match=f"a batch of {batch} is not made of groups of 4; use .* 8 or more"
        ):
            hard_rows(alike(), batch=batch, seed=0, epoch=0)
    with pytest.raises(ConfigError, match="a batch of 12 cannot be shared by 5 processes"):
        hard_rows(alike(), batch=12, seed=0, epoch=0, world=5)
    with pytest.raises(DataError, match="has 60 objects, a batch 64"):
        hard_rows(alike(), batch=64, seed=0, epoch=0)
    with pytest.raises(ConfigError, match="group must be >= 2"):
        HardBatches(group=1)
    with pytest.raises(ConfigError, match="nearest=3 cannot fill groups of 5; it must be >= 4"):
        HardBatches(nearest=3)
