"""The task of pictures with texts, on embeddings whose numbers are known."""

import pytest
import torch
import torch.nn.functional as F

from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.choice import task_of
from anaglyph.errors import ConfigError
from tower_files import CAPTION, described, make_dual

ASKED = Asked(device=torch.device("cpu"))
OBJECTS = 6
TEXTS = tuple(((CAPTION, f"number {row}"), (CAPTION, f"again {row}")) for row in range(OBJECTS))


class Knowing(torch.nn.Module):
    """Puts object n, and every text that ends in n, on axis n; `shift` moves the texts to the next object."""

    def __init__(self, shift=0):
        super().__init__()
        self.shift = shift

    def embed(self, modality, batch):
        if modality == "image":
            places = batch.indices
        else:
            places = torch.tensor([(int(text[-1]) + self.shift) % OBJECTS for (text,) in batch.texts])
        return F.one_hot(places, OBJECTS).float()


def measured(method, **more):
    split = described(OBJECTS, texts=TEXTS)
    return task_of(split).measure(method.train(), split, Asked(device=torch.device("cpu"), **more)).metrics


def test_a_method_that_knows_everything_finds_everything_first():
    numbers = measured(Knowing(), mode="full")
    assert numbers["images_to_text_recall_at_1"] == numbers["text_to_images_recall_at_1"] == 1.0
    assert numbers["text_to_images_queries"] == 2 * OBJECTS
    assert numbers["images_to_text_queries"] == OBJECTS


def test_a_method_that_takes_the_next_object_finds_nothing_first():
    numbers = measured(Knowing(shift=1))
    assert numbers["images_to_text_recall_at_1"] == numbers["text_to_images_recall_at_1"] == 0.0


def test_a_real_method_is_measured_and_its_mode_put_back():
    method = make_dual().train()
    numbers = measured(method, views=1)
    assert method.training
    assert all(0.0 <= numbers[f"{way}_recall_at_5"] <= 1.0 for way in ("images_to_text", "text_to_images"))


def test_chance_is_one_in_as_many_as_there_are():
    split = described(OBJECTS, texts=TEXTS)
    chance = task_of(split).chance(split, seed=0)
    assert chance["text_to_images_recall_at_1"] == pytest.approx(1 / OBJECTS)


def test_the_mode_of_other_data_is_refused():
    with pytest.raises(ConfigError, match="leave it out here"):
        measured(Knowing(), mode="shapenet")
