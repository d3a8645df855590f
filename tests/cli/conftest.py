"""The command line in this process, with a data cache of its own and one finished tiny run."""

import json
from types import SimpleNamespace

import pytest
import torch

from anaglyph.cli.main import main
from tiny_runs import tiny_file


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANAGLYPH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("ANAGLYPH_DATA", raising=False)
        yield


@pytest.fixture
def anaglyph(capsys):
    """Arguments -> code, out, err and, where it is JSON, data."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as left:  # help and usage errors of the parser
            code = left.code
        out, err = capsys.readouterr()
        data = json.loads(out) if "--json" in arguments and out else None
        return SimpleNamespace(code=code, out=out, err=err, data=data)

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Folder of a study of one tiny run, and its recipe file."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = tiny_file("pair_contrast", folder)
    output = folder / "runs"
    assert main(["train", str(recipe), "--output", str(output), "--device", "cpu", "--json"]) == 0
    return SimpleNamespace(output=output, recipe=recipe, run=output / "pair_contrast/seed-0")
