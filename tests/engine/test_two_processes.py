"""Two processes (gloo) take the steps of one process with the joined batch."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from engine.two_processes import CASES, write_steps
from tiny_runs import tiny_file
from two_ranks import as_torchrun

TESTS = Path(__file__).parents[1]


def torchrun(*arguments, cache):
    """Run something in two processes; the finished parent process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "ANAGLYPH_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep),
    }
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port), *arguments]
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, timeout=240
    )


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Folder with the first step of every case, alone and in two processes."""
    folder = tmp_path_factory.mktemp("steps")
    write_steps(folder, 1)
    as_torchrun(write_steps, folder, 2)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", list(CASES))
def test_loss_and_gradients_of_two_processes_are_those_of_one_with_the_joined_batch(case, steps):
    alone = load_file(steps / f"{case}_1_0.safetensors")
    assert sum(bool(gradient.abs().max() > 1e-4) for gradient in alone.values()) > 5
    # Some of these gradients are around 30; float32 leaves 1e-5 of that, and no more, to rounding.
    largest = max(1.0, *(float(value.abs().max()) for name, value in alone.items() if name != "loss"))
    for rank in (0, 1):
        together = load_file(steps / f"{case}_2_{rank}.safetensors")
        assert together.keys() == alone.keys()
        for name, value in alone.items():
            difference = float((together[name] - value).abs().max())
            rounding = 1e-12 if value.dtype == torch.float64 else 1e-5
            assert difference < rounding * largest, f"{name} differs by {difference} of {largest}"


@pytest.mark.slow
def test_the_command_line_under_torchrun_trains_to_the_weights_and_metrics_of_one_process(
    tmp_path, tiny_cache
):
    recipes = [tiny_file(kind, tmp_path) for kind in ("paper", "pair_contrast")]
    # With SGD rounding stays rounding; Adam would divide the noise in gradients that should be 0 by itself.
    plain = yaml.safe_load(recipes[1].read_text())
    plain["stages"]["contrast"]["optimiser"] = {"name": "sgd", "lr": 0.01}
    recipes[1].write_text(yaml.safe_dump(plain))
    targets = ["train", *map(str, recipes), "--validate-every", "0", "--device", "cpu", "--json"]
    alone = subprocess.run(
        [sys.executable, "-m", "anaglyph", *targets, "--output", str(tmp_path / "alone")],
        env={**os.environ, "OMP_NUM_THREADS": "1", "ANAGLYPH_CACHE": str(tiny_cache)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert alone.returncode == 0, alone.stderr
    together = torchrun("-m", "anaglyph", *targets, "--output", str(tmp_path / "together"), cache=tiny_cache)
    assert together.returncode == 0, together.stderr
    one, two = json.loads(alone.stdout), json.loads(together.stdout)  # printed once, not by each process
    assert [run["recipe"] for run in two["results"]] == ["paper", "pair_contrast"]
    assert two["results"][1]["metrics"] == pytest.approx(one["results"][1]["metrics"], abs=0.01)

    def file(name, path):
        return tmp_path / name / path

    weights = "pair_contrast/seed-0/stages/contrast/artefact/model.safetensors"
    one, two = (load_file(file(name, weights)) for name in ("alone", "together"))
    for name, value in one.items():
        assert torch.allclose(two[name], value, rtol=1e-3, atol=1e-4), name
    for log in (
        "pair_contrast/seed-0/stages/contrast/metrics.jsonl",
        "paper/seed-0/stages/annotate/metrics.jsonl",
        "paper/seed-0/stages/learn/metrics.jsonl",
    ):
        one, two = (
            [
                row["loss"]
                for row in map(json.loads, file(name, log).read_text().splitlines())
                if "loss" in row
            ]
            for name in ("alone", "together")
        )
        assert two == pytest.approx(one, rel=2e-3)
