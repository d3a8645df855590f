"""bfloat16 really runs the networks under autocast, in training only, and leaves float32 weights behind."""

import pytest
import torch
from safetensors.torch import load_file

from anaglyph.methods.crossmost.method import CrossMoST
from anaglyph.methods.pair_contrast.method import PairContrast
from anaglyph.methods.romo.annotate import Annotate
from anaglyph.methods.romo.discover import Discover
from anaglyph.methods.romo.learn import Learn
from tiny_runs import outcome, tiny_recipe, train


@pytest.fixture
def autocast(monkeypatch):
    """What was on: the set of (hook, autocast) pairs over a run."""
    seen = set()
    for method in (Annotate, CrossMoST, Discover, Learn, PairContrast):
        for name in ("training_step", "start", "before_epoch", "after_step", "finish"):
            original = getattr(method, name)

            def watched(self, *arguments, original=original, name=name):
                seen.add((name, torch.is_autocast_enabled("cpu")))
                return original(self, *arguments)

            monkeypatch.setattr(method, name, watched)
    return seen


@pytest.mark.parametrize("kind", ["pair_contrast", "paper", "best", "crossmost"])
def test_bfloat16_is_used_in_training_steps_alone_and_weights_stay_float32_and_finite(
    kind, autocast, tmp_path, tiny_cache, undisturbed
):
    train(tiny_recipe(kind, "precision=bfloat16"), tmp_path, cache=tiny_cache)
    assert ("training_step", True) in autocast
    assert {name for name, on in autocast if on} == {"training_step"}
    for path in tmp_path.glob("stages/*/artefact/model.safetensors"):
        for name, value in load_file(path).items():
            assert value.dtype != torch.bfloat16, name
            assert bool(value.isfinite().all()), name
    assert outcome(tmp_path) != undisturbed(kind)


def test_float32_uses_no_autocast(autocast, tmp_path, tiny_cache):
    train(tiny_recipe("pair_contrast"), tmp_path, cache=tiny_cache)
    assert not any(on for _, on in autocast)
