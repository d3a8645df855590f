"""Batches: fields are asked for by name, labels can be taken out, everything moves together."""

from dataclasses import fields

import pytest
import torch

from anaglyph.errors import DataError
from anaglyph.types import Batch


def batch(crops=()):
    return Batch(
        keys=("a", "b"),
        indices=torch.tensor([4, 7]),
        images=torch.zeros(2, 1, 1, 8, 8),
        points=torch.zeros(2, 5, 3),
        texts=(("a red chair", "chair"), ()),
        labels=torch.tensor([1, 0]),
        groups=torch.tensor([0, 0]),
        crops=crops,
    )


def test_length_is_the_number_of_objects():
    assert len(batch()) == 2


def test_a_field_that_is_there_is_handed_out_and_a_missing_one_fails_by_name():
    assert batch().require("points").shape == (2, 5, 3)
    bare = Batch(keys=("first", "second"), indices=torch.tensor([0, 1]))
    with pytest.raises(DataError, match=r"no 'points' \(first key: first\)"):
        bare.require("points")
    with pytest.raises(DataError, match="first key: none"):
        Batch(keys=(), indices=torch.zeros(0)).require("images")


def test_labels_are_taken_out_of_crops_within_crops_too():
    stripped = batch(crops=(batch(crops=(batch(),)), batch())).without_labels()
    parts = [stripped, *stripped.crops, *stripped.crops[0].crops]
    assert len(parts) == 4
    assert all(part.labels is None for part in parts)
    assert all(part.images is not None and part.points is not None for part in parts)


def test_groups_of_look_alikes_are_no_labels():
    stripped = batch(crops=(batch(),)).without_labels()
    assert all(part.groups.tolist() == [0, 0] for part in (stripped, *stripped.crops))


def test_taking_labels_out_leaves_the_original_alone():
    original = batch(crops=(batch(),))
    original.without_labels()
    assert original.labels is not None
    assert original.crops[0].labels is not None


def test_texts_are_no_labels_and_stay_whatever_happens_to_the_tensors():
    whole = batch(crops=(batch(),))
    for changed in (whole.without_labels(), whole.to("meta")):
        for part in (changed, *changed.crops):
            assert part.texts == (("a red chair", "chair"), ())


def test_every_tensor_moves_crops_included_and_what_is_absent_stays_absent():
    moved = batch(crops=(batch(),)).to("meta")
    for part in (moved, *moved.crops):
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, torch.Tensor):
                assert value.device.type == "meta", field.name
    assert moved.keys == ("a", "b")
    assert Batch(keys=("a",), indices=torch.tensor([0])).to("meta").images is None
