"""Two processes that share a model out (FSDP on gloo) train to the weights of one process."""

import json

import pytest
from safetensors.torch import load_file

from anaglyph.engine.run import RunOptions, make_fabric
from anaglyph.errors import ConfigError
from engine.coupled_method import register
from engine.sharded_processes import CASES, main, recipe
from tiny_runs import outcome, tiny_recipe, train
from two_ranks import as_torchrun

WEIGHTS = "stages/contrast/artefact/model.safetensors"


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiny_cache):
    """Folder of the shared runs, and of the same run in one process at once."""
    folder = tmp_path_factory.mktemp("sharded")
    as_torchrun(main, folder, tiny_cache)
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train(recipe("in_parts", accumulate=1), folder / "alone", cache=tiny_cache, validate_every=1)
    return folder


def rows(folder):
    return [json.loads(line) for line in (folder / "stages/contrast/metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_shared_model_is_trained_to_the_weights_of_one_process(runs):
    one, two = load_file(runs / "alone" / WEIGHTS), load_file(runs / "in_parts/whole" / WEIGHTS)
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert two[name].shape == value.shape
        assert float((two[name] - value).abs().max()) < 1e-4, name


@pytest.mark.slow
def test_a_shared_model_is_measured_and_logged_as_one_process_would(runs):
    alone, shared = rows(runs / "alone"), rows(runs / "in_parts/whole")
    assert [row.keys() for row in shared] == [row.keys() for row in alone]
    for one, two in zip(alone, shared, strict=True):
        assert two == pytest.approx(one, rel=2e-3)


@pytest.mark.slow
def test_a_shared_run_that_was_stopped_and_resumed_ends_bit_for_bit_like_an_undisturbed_one(runs):
    assert outcome(runs / "cut") == outcome(runs / "in_parts/whole")


@pytest.mark.slow
def test_its_checkpoint_holds_whole_tensors_that_one_process_goes_on_from(runs, tiny_cache, monkeypatch):
    register(monkeypatch)
    folder = runs / "in_parts/whole"
    state = load_file(max((folder / "stages/contrast/checkpoints").iterdir()) / "state.safetensors")
    shapes = {tuple(value.shape) for value in load_file(folder / WEIGHTS).values()}
    assert shapes <= {tuple(value.shape) for value in state.values()}
    (folder / "stages/contrast/artefact/model.safetensors").unlink()
    train(recipe("in_parts"), folder, cache=tiny_cache, resume=True, validate_every=1)
    assert (folder / WEIGHTS).is_file()


@pytest.mark.slow
def test_a_shared_model_trains_under_autocast(runs):
    assert all(
        bool(value.isfinite().all()) for value in load_file(runs / "bfloat16/whole" / WEIGHTS).values()
    )
    assert "bfloat16" in CASES


def test_a_single_process_has_nobody_to_share_with(tmp_path):
    options = RunOptions(output=tmp_path, data_root=tmp_path, device="cpu", strategy="fsdp")
    with pytest.raises(ConfigError, match=r"strategy=fsdp shares.*only one.*torchrun"):
        make_fabric(tiny_recipe("pair_contrast"), options)
