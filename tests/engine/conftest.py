"""One data set for all tiny runs, made once, and the undisturbed run of each recipe to compare with."""

import functools

import pytest
import torch

from anaglyph.data.catalog import create_dataset
from tiny_runs import outcome, tiny_recipe, train


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory):
    """Folder that keeps the generated clouds of the tiny data."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def data_read_once():
    """Splits are read-only, so all runs of one configuration and seed may share them."""
    made = {}

    def shared(config, split, *, root, cache, seed):
        place = (repr(config), split, seed)
        if place not in made:
            made[place] = create_dataset(config, split, root=root, cache=cache, seed=seed)
        return made[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anaglyph.engine.splits.create_dataset", shared)
        yield


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, tiny_cache):
    """Kind of tiny recipe -> what a run of it leaves that nothing ever stopped."""

    @functools.cache
    def run(kind):
        folder = tmp_path_factory.mktemp(f"undisturbed_{kind}")
        train(tiny_recipe(kind), folder, cache=tiny_cache)
        return outcome(folder)

    return run
