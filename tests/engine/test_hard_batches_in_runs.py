"""A stage that starts from another and trains on look-alikes: what it is made of, resumed, refused."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import tiny_encoders
from anaglyph.engine.interrupt import Interrupted
from anaglyph.engine.models import load_method
from anaglyph.engine.recipe import stage_identity
from anaglyph.errors import ConfigError
from engine.hard_runs import OBJECTS, STEPS_PER_EPOCH, hard_objects, hard_recipe
from reference.hard_batches import slow_nearest
from tiny_runs import interrupting, outcome, tiny_recipe, train

WEIGHTS = "artefact/model.safetensors"


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """The tiny encoder, and toys as the data set."""
    tiny_encoders.register(monkeypatch)
    shown(monkeypatch)


def shown(monkeypatch, **changes):
    monkeypatch.setattr(
        "anaglyph.engine.splits.create_dataset", lambda *_, seed, **__: hard_objects(seed=seed, **changes)
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hard")
    with pytest.MonkeyPatch.context() as patch:
        tiny_encoders.register(patch)
        shown(patch)
        train(hard_recipe(), folder, cache=None)
    return folder


@pytest.mark.parametrize("step", [1, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 2])
def test_a_stage_of_look_alikes_stopped_and_resumed_ends_bit_for_bit_like_an_undisturbed_one(
    step, tmp_path, undisturbed
):
    with pytest.raises(Interrupted, match=rf"stopped at step {step} of 6 of stage hard"):
        train(hard_recipe(), tmp_path, cache=None, listen=interrupting("hard", step), workers=step % 2)
    train(hard_recipe(), tmp_path, cache=None, resume=True)
    assert outcome(tmp_path) == outcome(undisturbed)


def test_neighbours_are_those_of_the_embeddings_that_the_earlier_stage_left(undisturbed):
    (file,) = undisturbed.glob("stages/hard/neighbours-*/nearest.npy")
    method = load_method(undisturbed / "stages/align/artefact").method
    with torch.no_grad():
        vectors = method.embed("shape", hard_objects().batch(range(OBJECTS), epoch=None))
    assert np.load(file).tolist() == slow_nearest(vectors.tolist(), 9)


def test_neighbours_can_be_those_of_pictures(tmp_path):
    train(hard_recipe("stages.hard.hard_batches.by=image", "stages.hard.epochs=1"), tmp_path, cache=None)
    (file,) = tmp_path.glob("stages/hard/neighbours-*/nearest.npy")
    head = load_file(tmp_path / "stages/align" / WEIGHTS)
    weight, bias = (head[f"student.heads.image.layers.0.{name}"] for name in ("weight", "bias"))
    views = hard_objects().batch(range(OBJECTS), epoch=None).image_features
    vectors = F.linear(views, weight, bias).mean(dim=1)
    assert np.load(file).tolist() == slow_nearest(vectors.tolist(), 9)


def test_damaged_neighbours_are_found_again(tmp_path, undisturbed, caplog):
    with pytest.raises(Interrupted):
        train(hard_recipe(), tmp_path, cache=None, listen=interrupting("hard", 2))
    (file,) = tmp_path.glob("stages/hard/neighbours-*/nearest.npy")
    file.write_bytes(file.read_bytes()[:-8])
    train(hard_recipe(), tmp_path, cache=None, resume=True)
    assert "neighbours of this stage are damaged" in caplog.text
    assert outcome(tmp_path) == outcome(undisturbed)


def test_a_stage_begins_with_the_weights_of_the_one_it_starts_from(tmp_path):
    train(hard_recipe("stages.hard.optimiser.lr=1e-9", "stages.hard.epochs=1"), tmp_path, cache=None)
    first, second = (load_file(tmp_path / "stages" / name / WEIGHTS) for name in ("align", "hard"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=1e-6)


def test_parts_of_a_batch_learn_what_the_whole_does(tmp_path, undisturbed):
    train(hard_recipe("stages.hard.accumulate=2"), tmp_path, cache=None)
    whole, parts = (load_file(folder / "stages/hard" / WEIGHTS) for folder in (undisturbed, tmp_path))
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_labels_change_neither_neighbours_nor_weights(tmp_path, undisturbed, monkeypatch):
    shown(monkeypatch, labels=np.random.default_rng(0).integers(0, 3, OBJECTS))
    train(hard_recipe(), tmp_path, cache=None)
    weights = ["stages/hard/artefact/model.safetensors", "stages/hard/metrics.jsonl"]
    assert [outcome(tmp_path)[file] for file in weights] == [outcome(undisturbed)[file] for file in weights]


REFUSED = {
    "stages.hard.start_from=alin": "start_from is 'alin', and the stage needs align; write needs: [alin]",
    "stages.hard.needs=[]": "start_from is 'align', and the stage needs no other",
    "stages.hard.start_from=null": "by is shape, whose encoder begins with random weights",
    "stages.hard.encoders.shape.options.embed_dim=4": "encoders.shape is tiny_coloured {'embed_dim': 4} here",
    "stages.hard.encoders.shape.weights=a.safetensors": "and encoders.shape from 'a.safetensors'; set one",
    "stages.hard.batch=18": "hard.hard_batches: a batch of 18 is not made of groups of 5; use a multiple",
    "stages.hard.batch=5": "a batch of 5 is not made of groups of 5; use a multiple of 5, 10 or more",
    "stages.hard.hard_batches.group=11": "nearest=9 cannot fill groups of 11",
    "stages.hard.hard_batches.by=fused": "no choice 'fused'",
    "stages.hard.hard_batches.nearst=3": "no option 'nearst'; did you mean 'nearest'?",
}


@pytest.mark.parametrize("assignment", list(REFUSED))
def test_options_that_cannot_be_meant_are_refused_by_place(assignment):
    with pytest.raises(ConfigError) as error:
        hard_recipe(assignment)
    assert REFUSED[assignment] in str(error.value)


def test_weights_of_another_method_are_refused():
    with pytest.raises(
        ConfigError, match=r"stage annotate is romo_discover, this one romo_learn; weights are"
    ):
        tiny_recipe("best", "stages.learn.start_from=annotate")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("stages.hard.hard_batches.nearest=70", "nearest is 70, and the training split has 70 objects"),
        ("stages.hard.config.share_head=true", "weights of stage align do not fit; different: student.heads"),
    ],
)
def test_what_the_data_or_the_weights_cannot_give_is_refused_before_anything_is_written(
    assignment, message, tmp_path
):
    with pytest.raises(ConfigError, match=message):
        train(hard_recipe(assignment), tmp_path / "run", cache=None)
    assert not (tmp_path / "run").exists()


def test_stages_without_these_options_are_what_they_were_before_there_were_any():
    identity = stage_identity(tiny_recipe("best"), "learn")["stage"]
    assert {"start_from", "hard_batches"}.isdisjoint(identity)
    hard = stage_identity(hard_recipe(), "hard")["stage"]
    assert (hard["start_from"], hard["hard_batches"]["nearest"]) == ("align", 9)
