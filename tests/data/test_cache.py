import logging
import shutil

import numpy as np
import pytest

from anaglyph.data.cache import cached, digest_of


class Maker:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"a": np.arange(4, dtype=np.float16), "b": np.zeros((0, 2), dtype=np.uint8)}


def same(arrays):
    assert arrays["a"].dtype == np.float16
    assert arrays["b"].shape == (0, 2)
    np.testing.assert_array_equal(arrays["a"], np.arange(4))


def test_arrays_are_made_once_per_fingerprint(tmp_path):
    make = Maker()
    for _ in range(3):
        same(cached(tmp_path, "x", {"size": 1}, make))
    assert make.calls == 1
    same(cached(tmp_path, "x", {"size": 2}, make))
    assert make.calls == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_folder_nothing_is_kept(tmp_path):
    make = Maker()
    same(cached(None, "x", {}, make))
    same(cached(None, "x", {}, make))
    assert make.calls == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_cache_is_named_and_made_again(tmp_path, caplog, damage):
    make = Maker()
    cached(tmp_path, "x", {}, make)
    file = next(tmp_path.glob("*/a.npy"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    match damage:
        case "flip":
            file.write_bytes(data)
        case "cut":
            file.write_bytes(data[:-2])
        case "remove":
            file.unlink()
    with caplog.at_level(logging.WARNING):
        same(cached(tmp_path, "x", {}, make))
    assert make.calls == 2
    assert "a.npy" in caplog.text
    same(cached(tmp_path, "x", {}, make))
    assert make.calls == 2


def test_a_digest_follows_names_and_bytes(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"1")
    b.write_bytes(b"2")
    first = digest_of([a, b])
    assert first == digest_of([b, a])
    a.write_bytes(b"3")
    assert digest_of([a, b]) != first


def test_a_file_in_the_way_of_the_cache_folder_is_named_and_nothing_is_kept(tmp_path, caplog):
    make, folder = Maker(), tmp_path / "cache"
    folder.write_text("in the way")
    same(cached(folder, "x", {}, make))
    same(cached(folder / "deeper", "x", {}, make))
    assert make.calls == 2
    assert f"the cache folder '{folder}' cannot be used" in caplog.text
    assert "set ANAGLYPH_CACHE to a folder that can be written" in caplog.text
    assert folder.read_text() == "in the way"


def test_a_file_in_the_place_of_the_arrays_does_not_end_the_run(tmp_path, caplog):
    make = Maker()
    cached(tmp_path, "x", {}, make)
    place = next(tmp_path.iterdir())
    shutil.rmtree(place)
    place.write_text("in the way")
    same(cached(tmp_path, "x", {}, make))
    assert f"the cache folder '{tmp_path}' cannot be used" in caplog.text


def test_a_read_only_folder_with_a_damaged_cache_does_not_end_the_run(tmp_path, caplog, monkeypatch):
    make = Maker()
    cached(tmp_path, "x", {}, make)
    next(tmp_path.glob("*/a.npy")).write_bytes(b"damaged")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))  # root may write anywhere

    monkeypatch.setattr("anaglyph.data.cache.shutil.rmtree", refuse)
    same(cached(tmp_path, "x", {}, make))
    assert f"the cache folder '{tmp_path}' cannot be used" in caplog.text


def test_an_error_of_the_maker_is_not_taken_for_one_of_the_cache(tmp_path):
    def make():
        raise FileNotFoundError("a picture")

    with pytest.raises(FileNotFoundError, match="a picture"):
        cached(tmp_path, "x", {}, make)
