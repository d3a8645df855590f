"""Compiled encoders: the same names, the same numbers to rounding, the same dropout in both encodings."""

import copy
import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from anaglyph.engine import compile as compiling
from anaglyph.engine.compile import compile_encoders
from anaglyph.engine.run import RunOptions, run_recipe
from anaglyph.errors import ConfigError
from engine.coupled_method import Coupled, CoupledConfig, coupled_recipe, register
from engine.test_accumulate import assert_equal, batches, drawing, gradients, in_parts
from reference.accumulation import one_graph
from tiny_runs import train

WEIGHTS = "stages/contrast/artefact/model.safetensors"
needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch.compile needs g++, none is here"
)
# torch warns about itself while its compiler is imported.
quiet = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


class Dropping(nn.Module):
    """A shape encoder that draws twice."""

    embed_dim = 12

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 24), nn.Linear(24, self.embed_dim)

    def forward(self, points):
        hidden = nn.functional.dropout(torch.relu(self.first(points)), 0.5, self.training)
        return nn.functional.dropout(self.second(hidden).amax(dim=1), 0.25, self.training)


@needs_compiler
@quiet
@pytest.mark.slow
def test_both_encodings_of_a_part_draw_the_same_dropout_when_compiled():
    torch.manual_seed(0)
    made = Coupled(CoupledConfig(), encoders={"shape": Dropping()}, objects=12).double().train()
    reference = copy.deepcopy(made)
    for method in (made, reference):
        compile_encoders(method)
    parts, _ = batches()
    _, found = in_parts(made, parts)
    one_graph(reference, parts, drawing)
    assert_equal(found, gradients(reference))


@needs_compiler
@quiet
@pytest.mark.slow
def test_a_compiled_run_keeps_its_names_and_learns_the_same_to_rounding(tmp_path, tiny_cache, monkeypatch):
    register(monkeypatch)
    recipe = coupled_recipe("stages.contrast.optimiser.name=sgd", accumulate=2, encoder="tiny_moments")
    train(recipe, tmp_path / "plain", cache=tiny_cache)
    train(recipe, tmp_path / "compiled", cache=tiny_cache, compile=True)
    plain, compiled = (load_file(tmp_path / name / WEIGHTS) for name in ("plain", "compiled"))
    assert plain.keys() == compiled.keys()
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-3, atol=1e-5)


def test_without_a_compiler_a_run_is_refused_before_it_starts(tmp_path, tiny_cache, monkeypatch):
    register(monkeypatch)
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    options = RunOptions(output=tmp_path, data_root=tmp_path, cache=tiny_cache, device="cpu", compile=True)
    with pytest.raises(ConfigError, match=r"needs a C\+\+ compiler, and none of g\+\+.*leave --compile out"):
        run_recipe(coupled_recipe(accumulate=1), options)
    assert not (tmp_path / "recipe.yaml").exists()


def test_a_method_that_trains_no_encoder_is_refused():
    method = Coupled(CoupledConfig(), encoders={"shape": Dropping().requires_grad_(False)}, objects=12)
    with pytest.raises(ConfigError, match="Coupled has none"):
        compile_encoders(method)
