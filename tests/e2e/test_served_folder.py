"""A folder is indexed, served by the real command, searched over HTTP, indexed again and stopped."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

from anaglyph.cli.main import main
from anaglyph.encoders.spaces.open import MINI, space_file
from anaglyph.errors import WeightsError

OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 {height}\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n"
TOKEN = "a-token-for-this-test"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """(folder, address) of a running `anaglyph serve --write`."""
    try:
        space_file(MINI)
    except WeightsError as error:
        pytest.skip(str(error))
    folder = tmp_path / "models"
    folder.mkdir()
    for height in (1, 2):
        (folder / f"solid-{height}.obj").write_text(OBJ.format(height=height), encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("ANAGLYPH_TOKEN", TOKEN)
    assert main(["index", str(folder), "--processes", "1"]) == 0
    command = [sys.executable, "-m", "anaglyph", "serve", "--port", "0", "--write"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        try:
            yield folder, address.partition("#")[0], process
        finally:
            process.kill()


def asked(address, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"{address}api/v1/{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_a_folder_is_served_searched_and_indexed_again(served):
    folder, address, process = served
    assert asked(address, "status")["items"]["ready"] == 2
    query = {"parts": [{"kind": "text", "text": "a pyramid"}]}
    assert len(asked(address, "search", query)["hits"]) == 2
    (folder / "solid-3.obj").write_text(OBJ.format(height=3), encoding="utf-8")
    token = {"Authorization": f"Bearer {TOKEN}"}
    job = asked(address, "jobs", {"root": 0}, **token)
    while (now := asked(address, f"jobs/{job['id']}"))["state"] == "running":
        pass
    assert (now["state"], now["done"]) == ("done", 1), now
    assert len(asked(address, "search", query)["hits"]) == 3
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
