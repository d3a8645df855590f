import json

import numpy as np
import pytest

from anaglyph.data.datasets.pix3d import Pix3D
from anaglyph.data.prepare.prepare import prepare
from anaglyph.errors import ConfigError, DataError
from furniture_on_disk import boxes, write, write_json, write_picture

POSE = {"azimuth": 1.0, "elevation": 0.1, "theta": 0.0, "distance": 1.2, "u": 0.0, "v": 0.0, "f": 346.4}
MODEL = "189c2b53ef76d02978a20fe14185667"


@pytest.fixture
def cars(tmp_path):
    folder = tmp_path / "finegrained-pose"
    write(folder / f"CAD/02958343/{MODEL}/model.obj", boxes(((-0.4, 0.4), (-0.1, 0.1), (-0.15, 0.15))))
    for part in ("train", "test"):
        lines = "".join(f"S'{name}'\nF{value!r}\ns" for name, value in POSE.items())
        rows = "".join(f"S'1/2/{part}{n}.jpg'\n(d{lines}S'model_id'\nS'{MODEL}'\nss" for n in range(3))
        write(folder / f"Anno3D/CompCars/{part}_anno.pkl", f"(d{rows}.")
        for n in range(3):
            write_picture(folder / f"Image/CompCars/image/1/2/{part}{n}.jpg", np.full((200, 300, 3), 90))
    return tmp_path


def test_annotations_are_converted_and_what_is_there_and_missing_is_told(cars):
    done = prepare("compcars3d", root=cars)
    (path,) = done.written
    assert len(json.loads(path.read_text())["train"]) == 3
    assert "6 photographs" in done.found
    assert any("instead of the published 3,798" in problem for problem in done.missing)
    assert any("instance segmenter" in problem for problem in done.missing)
    assert "shapenet.org" in done.obtain
    assert done.queries == {}


def test_preparing_twice_gives_the_same_file(cars):
    (path,) = prepare("compcars3d", root=cars).written
    before = path.read_bytes()
    prepare("compcars3d", root=cars)
    assert path.read_bytes() == before


def test_views_and_crops_are_made_when_there_is_a_cache(cars, tmp_path):
    options = {"masks": "projected", "check": "report", "size": 32}
    done = prepare("compcars3d", root=cars, cache=tmp_path / "cache", options=options)
    assert sum(done.queries.values()) == 6
    made = {path.name.rpartition("-")[0] for path in (tmp_path / "cache").iterdir() if path.name != "views"}
    parts = ("contents", "views", "train-queries", "validation-queries", "test-queries")
    assert made == {f"compcars3d-{part}" for part in parts}


def test_a_data_set_without_anything_to_convert_is_only_looked_at(tmp_path):
    write_json(tmp_path / "pix3d/pix3d.json", [])
    done = prepare("pix3d", root=tmp_path)
    assert done.written == ()
    assert "0 images in pix3d.json instead of the published 10,069" in done.missing
    assert done.obtain == Pix3D.obtain


def test_a_data_set_that_is_read_as_it_is_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="needs no preparation"):
        prepare("digits3d", root=tmp_path)


def test_without_pickles_the_error_says_where_they_are_had(tmp_path):
    (tmp_path / "finegrained-pose").mkdir()
    with pytest.raises(DataError, match=r"github\.com/yangyi02/finegrained-pose"):
        prepare("stanford_cars3d", root=tmp_path)
