"""Child processes that start at once: a server with everything imported forks one per command line."""

import os

import pytest

from fork_client import ForkServer
from tiny_runs import outcome, tiny_file, train_command

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Environment of child processes, with a cache of their own."""
    return {**ENVIRONMENT, "ANAGLYPH_CACHE": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="session")
def server(environment):
    """Starts commands in children of its own; see `fork_client`."""
    with ForkServer(environment) as running:
        yield running


@pytest.fixture(scope="session")
def recipes(tmp_path_factory):
    """Folder of the tiny recipes as YAML files."""
    folder = tmp_path_factory.mktemp("recipes")
    for kind in ("best", "paper", "pair_contrast", "crossmost", "finetune"):
        tiny_file(kind, folder)
    return folder


@pytest.fixture(scope="session")
def undisturbed(server, recipes, tmp_path_factory):
    """Kind -> what an undisturbed run leaves, by the same command."""
    made = {}

    def run(kind):
        if kind not in made:
            output = tmp_path_factory.mktemp(f"undisturbed_{kind}")
            child = server.start(train_command(recipes / f"{kind}.yaml", output))
            assert child.wait() == 0, child.text()
            made[kind] = outcome(output / kind / "seed-0")
        return made[kind]

    return run
