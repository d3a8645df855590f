"""Checkpoints: the newest intact one counts, damage is named, another configuration is refused."""

import shutil

import pytest
import torch

from anaglyph.config import fingerprint
from anaglyph.engine.checkpoint import difference, find_checkpoint, save_checkpoint
from anaglyph.engine.events import Note
from anaglyph.engine.run import is_finished
from anaglyph.errors import CheckpointError, ConfigError
from anaglyph.io.atomic import new_folder, write_json, write_manifest
from tiny_runs import CrashError, crashing, outcome, tiny_recipe, train

IDENTITY = {"stage": {"epochs": 3, "config": {"alpha": 0.25}}, "seed": 0}


def save(root, step):
    return save_checkpoint(root, step=step, identity=IDENTITY, state={"weights": torch.full((4,), step)})


def found(root):
    return find_checkpoint(root, identity=IDENTITY)


def truncate(folder):
    file = folder / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def flip_a_byte(folder):
    file = folder / "state.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


def lose_the_manifest(folder):
    (folder / "manifest.json").unlink()


def lose_the_state(folder):
    (folder / "state.safetensors").unlink()


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES = [truncate, flip_a_byte, lose_the_manifest, lose_the_state, empty]


def test_the_newest_two_checkpoints_are_kept(tmp_path):
    for step in (3, 5, 10, 100_000_000):
        save(tmp_path, step)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["step-00000010", "step-100000000"]
    assert found(tmp_path).state["weights"].tolist() == [100_000_000] * 4


def test_a_folder_that_is_not_there_holds_no_checkpoint(tmp_path):
    assert found(tmp_path / "checkpoints") is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_checkpoint_is_named_and_skipped(damage, tmp_path):
    save(tmp_path, 3)
    damage(save(tmp_path, 6))
    result = found(tmp_path)
    assert result.folder.name == "step-00000003"
    assert result.state["weights"].tolist() == [3.0] * 4
    assert len(result.skipped) == 1
    assert "step-00000006 is damaged" in result.skipped[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_replaced_when_its_step_comes_again(damage, tmp_path):
    save(tmp_path, 3)
    damage(save(tmp_path, 6))
    save(tmp_path, 6)
    result = found(tmp_path)
    assert (result.folder.name, result.skipped) == ("step-00000006", ())


def test_damaged_newer_checkpoints_never_push_out_an_intact_one(tmp_path):
    for step in (20, 30):
        truncate(save(tmp_path, step))
    for step in (5, 6, 7):
        save(tmp_path, step)
        assert found(tmp_path).state["weights"].tolist() == [step] * 4


def test_with_no_intact_checkpoint_the_error_names_each_and_says_what_to_do(tmp_path):
    truncate(save(tmp_path, 3))
    lose_the_manifest(save(tmp_path, 6))
    with pytest.raises(CheckpointError) as error:
        found(tmp_path)
    for part in ("no intact checkpoint", "step-00000003", "step-00000006", "Delete that folder"):
        assert part in str(error.value)


def test_a_checkpoint_of_another_configuration_is_refused_with_the_field_that_differs(tmp_path):
    save(tmp_path, 3)
    other = {"stage": {"epochs": 3, "config": {"alpha": 0.5}}, "seed": 0}
    with pytest.raises(CheckpointError, match=r"stage\.config\.alpha: 0\.5 now, 0\.25 then"):
        find_checkpoint(tmp_path, identity=other)


def test_the_difference_of_equal_configs_is_none_and_an_absent_field_counts():
    assert difference(IDENTITY, IDENTITY) is None
    assert difference({"a": 1}, {"a": 1, "b": 2}) == "b: None now, 2 then"


@pytest.mark.parametrize("damage", [truncate, flip_a_byte])
def test_a_run_with_a_damaged_newest_checkpoint_says_so_and_ends_like_an_undisturbed_one(
    damage, tmp_path, tiny_cache, undisturbed
):
    recipe = tiny_recipe("best")
    with pytest.raises(CrashError):
        train(recipe, tmp_path, cache=tiny_cache, listen=crashing("learn", 5), save_every=2)
    newest = max((tmp_path / "stages/learn/checkpoints").iterdir())
    damage(newest)
    events = []
    train(recipe, tmp_path, cache=tiny_cache, listen=events.append, resume=True)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any(newest.name in note and "skipped" in note for note in notes)
    assert any("learn goes on from step-" in note and newest.name not in note for note in notes)
    assert outcome(tmp_path) == undisturbed("best")


def test_a_damaged_artefact_is_made_again_from_the_last_checkpoint(tmp_path, tiny_cache, undisturbed):
    recipe = tiny_recipe("paper")
    train(recipe, tmp_path, cache=tiny_cache)
    (tmp_path / "stages/learn/artefact/model.safetensors").write_bytes(b"")
    train(recipe, tmp_path, cache=tiny_cache, resume=True)
    assert outcome(tmp_path) == undisturbed("paper")


def test_resuming_with_another_recipe_is_refused_with_the_field_that_differs(tmp_path, tiny_cache):
    train(tiny_recipe("pair_contrast"), tmp_path, cache=tiny_cache)
    before = outcome(tmp_path)
    with pytest.raises(ConfigError, match=r"stages\.contrast\.epochs: 4 now, 3 then.*recipe\.yaml"):
        train(
            tiny_recipe("pair_contrast", "stages.contrast.epochs=4"), tmp_path, cache=tiny_cache, resume=True
        )
    assert outcome(tmp_path) == before


def test_a_run_folder_is_never_overwritten_without_resume(tmp_path, tiny_cache):
    train(tiny_recipe("pair_contrast"), tmp_path, cache=tiny_cache)
    with pytest.raises(ConfigError, match=r"already holds a run.*--resume"):
        train(tiny_recipe("pair_contrast"), tmp_path, cache=tiny_cache)


def test_other_training_data_under_the_same_recipe_is_refused(tmp_path, tiny_cache, monkeypatch):
    recipe = tiny_recipe("pair_contrast")
    with pytest.raises(CrashError):
        train(recipe, tmp_path, cache=tiny_cache, listen=crashing("contrast", 4))
    monkeypatch.setattr("anaglyph.data.paired.PairedObjects.fingerprint", lambda dataset: "0123456789abcdef")
    with pytest.raises(CheckpointError, match=r"train_data: '0123456789abcdef' now"):
        train(recipe, tmp_path, cache=tiny_cache, resume=True)


def test_a_finished_stage_of_another_configuration_is_named_and_kept(tmp_path):
    artefact = tmp_path / "artefact"
    identity = {"seed": 1, "stage": {"epochs": 3}}
    with new_folder(artefact) as folder:
        write_json(folder / "stage.json", {"fingerprint": fingerprint(identity), "identity": identity})
        write_manifest(folder)
    assert is_finished(artefact, identity)
    with pytest.raises(CheckpointError, match=r"stage\.epochs: 4 now, 3 then.*kept as it is"):
        is_finished(artefact, {"seed": 1, "stage": {"epochs": 4}})
    assert (artefact / "stage.json").is_file()
