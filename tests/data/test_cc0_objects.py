from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from anaglyph.config import plain, structure
from anaglyph.data.datasets.cc0_manifest import kind_of, read_manifest
from anaglyph.data.datasets.cc0_objects import Cc0Objects, objects_of
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.clouds import read_cloud
from anaglyph.io.pictures import read_picture
from cc0_on_disk import write_cc0


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_cc0(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def splits(tiny, cache):
    names = ("train", "validation", "test")
    return {name: SOURCE.load(name, root=tiny, cache=cache, seed=0) for name in names}


SOURCE = Cc0Objects(size=24, rendered_queries=2, validation_fraction=0.3)


def test_halves_share_no_object_and_validation_comes_out_of_the_training_half(tiny):
    splits = {
        name: SOURCE.load(name, root=tiny, cache=None, seed=0) for name in ("train", "validation", "test")
    }
    shown = {
        name: {queries.repository.keys[row] for row in queries.shapes} for name, queries in splits.items()
    }
    assert not shown["train"] & shown["validation"]
    assert not (shown["train"] | shown["validation"]) & shown["test"]
    assert len(shown["train"] | shown["validation"] | shown["test"]) == 8
    assert splits["train"].repository.keys == splits["validation"].repository.keys
    assert set(splits["test"].repository.keys) == shown["test"]
    assert splits["test"].class_names == ("box", "cup")


def test_training_queries_are_the_makers_pictures_and_photographs_with_azimuths(splits):
    queries = splits["train"]
    made = np.array(["photo" in key for key in queries.keys])
    assert made.sum() == 2 * (~made).sum()
    assert np.isnan(queries.azimuths[~made]).all()
    assert ((queries.azimuths[made] >= 0) & (queries.azimuths[made] < 360)).all()
    own = np.flatnonzero(~made)[0]
    number = int(queries.keys[own][5])
    colour = queries.images[own][:, queries.masks[own] == 255]
    np.testing.assert_array_equal(colour, np.tile([[30 * number], [90], [200]], colour.shape[1]))
    assert (queries.images[own][:, queries.masks[own] == 0] == 255).all()
    assert not any("photo" in key for key in splits["test"].keys)


def test_pictures_of_few_pixels_are_left_out_and_kinds_can_be_chosen(tiny, cache, splits):
    both = splits["test"]
    assert all(key.endswith("__NE") for key in both.keys)
    small = replace(SOURCE, least_side=1).load("test", root=tiny, cache=cache, seed=0)
    assert len(small) == 2 * len(both)
    top = replace(SOURCE, least_side=1, pictures=("top",)).load("test", root=tiny, cache=cache, seed=0)
    assert all(key.endswith("__Topdown") for key in top.keys)


def test_the_whole_gallery_can_be_searched(tiny):
    queries = replace(SOURCE, gallery="all").load("test", root=tiny, cache=None, seed=0)
    assert len(queries.repository) == 8
    assert len(set(queries.shapes.tolist())) < 8


def test_folders_outside_of_the_data_root_work_by_their_absolute_paths(tiny, tmp_path, splits):
    backgrounds = tmp_path / "elsewhere/photographs"
    backgrounds.mkdir(parents=True)
    Image.fromarray(np.full((8, 8, 3), 90, dtype=np.uint8)).save(backgrounds / "wall.png")
    source = replace(SOURCE, folder=str(tiny / "cc0_objects"), photographs=str(backgrounds))
    (tmp_path / "root").mkdir()
    train = source.load("train", root=tmp_path / "root", cache=tmp_path / "cache", seed=0)
    assert train.keys == splits["train"].keys
    np.testing.assert_array_equal(train.repository.views, splits["train"].repository.views)


@pytest.mark.parametrize("kept", [True, False])
def test_a_picture_without_an_object_is_named_by_its_file_and_counted(tmp_path, kept):
    root, cache = write_cc0(tmp_path), tmp_path / "cache" if kept else None
    item = objects_of("test", read_manifest(root / "cc0_objects"), validation_fraction=0.3)[0]
    Image.fromarray(np.zeros((40, 50, 4), dtype=np.uint8)).save(item.images[0])
    for _ in range(2):  # made, then from the cache
        with pytest.raises(DataError, match=f"'{item.images[0]}': the mask is empty"):
            SOURCE.load("test", root=root, cache=cache, seed=0)
    rest = replace(SOURCE, max_bad=1).load("test", root=root, cache=cache, seed=0)
    assert item.images[0].stem not in rest.keys
    assert len(rest) > 0


def test_a_thumbnail_that_cannot_be_cut_out_is_named_by_its_file(tmp_path):
    folder = write_cc0(tmp_path) / "cc0_objects"
    picture = folder / "images/wall__thumb.png"
    Image.fromarray(np.full((30, 30, 3), 120, dtype=np.uint8)).save(picture)
    with (folder / "manifest.csv").open("a") as table:
        table.write("wall,cup,wall word,s,p,meshes/thing0.ply,images/wall__thumb.png\n")
    objects = read_manifest(folder)
    (split,) = (
        split
        for split in ("train", "validation", "test")
        if any(item.key == "cup/wall" for item in objects_of(split, objects, validation_fraction=0.3))
    )
    with pytest.raises(DataError, match=f"'{picture}': nothing in this picture stands out"):
        SOURCE.load(split, root=tmp_path, cache=None, seed=0)


def test_the_cache_gives_the_same(tiny, cache, splits):
    again, fresh = (SOURCE.load("train", root=tiny, cache=place, seed=0) for place in (cache, None))
    assert splits["train"].fingerprint() == again.fingerprint() == fresh.fingerprint()


def test_objects_of_one_name_stay_on_one_side(shared_data):
    objects = read_manifest(shared_data / "cc0_objects")
    assert len(objects) == 682
    halves = {}
    for item in objects:
        halves.setdefault(item.design, set()).add(item.half)
    assert all(len(sides) == 1 for sides in halves.values())
    share = np.mean([item.half == "train" for item in objects])
    assert 0.45 < share < 0.55
    parts = {
        split: {item.name for item in objects_of(split, objects, validation_fraction=0.15)}
        for split in ("train", "validation", "test")
    }
    assert not parts["train"] & parts["validation"]
    assert not (parts["train"] | parts["validation"]) & parts["test"]
    assert sum(len(objects_of(split, objects, validation_fraction=0.15)) for split in parts) == 682


def test_every_real_picture_has_a_known_kind_and_its_object(shared_data):
    objects = read_manifest(shared_data / "cc0_objects")
    images = [image for item in objects for image in item.images]
    assert len(images) == len(set(images)) == 1067
    assert {kind_of(image) for image in images} == {"isometric", "top", "side", "thumbnail"}
    assert read_picture(images[0], size=8).shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("place", "reason"),
    [("../secret.ply", "outside"), ("/etc/passwd", "outside"), ("a\\..\\b.ply", "outside"), ("", "lacks")],
)
def test_a_table_that_leaves_its_folder_or_lacks_a_mesh_is_refused(tmp_path, place, reason):
    (tmp_path / "manifest.csv").write_text(f"id,category,name,mesh,images\na,b,c,{place},\n")
    with pytest.raises(DataError, match=reason):
        read_manifest(tmp_path)


def test_tables_that_are_missing_empty_or_repeat_ids_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"manifest\.csv"):
        read_manifest(tmp_path)
    header = "id,category,name,mesh,images\n"
    for text in (header, header + "a,b,c,d.ply,\n" * 2):
        (tmp_path / "manifest.csv").write_text(text)
        with pytest.raises(DataError, match="with different ids"):
            read_manifest(tmp_path)


def test_an_absent_folder_says_where_the_data_comes_from(tmp_path):
    with pytest.raises(DataError, match="cc0_objects"):
        SOURCE.load("train", root=tmp_path, cache=None, seed=0)


@pytest.mark.parametrize(
    "wrong",
    [{"pictures": ("front",)}, {"pictures": ()}, {"rendered_queries": -1}, {"size": 2}, {"least_side": 0}],
)
def test_options_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match="picture"):
        Cc0Objects(**wrong)


def test_the_options_survive_yaml():
    assert structure(Cc0Objects, plain(SOURCE), where="x") == SOURCE


def test_no_shape_and_no_picture_of_the_real_test_half_occurs_in_the_training_half(shared_data):
    objects = read_manifest(shared_data / "cc0_objects")
    seen = {"train": set(), "test": set()}
    for item in objects:
        points = read_cloud(item.mesh)
        points = points - (points.min(axis=0) + points.max(axis=0)) / 2
        points = points / np.linalg.norm(points, axis=1).max()
        ordered = points[np.lexsort(points.round(3).T)]
        seen[item.half].add(("shape", ordered.round(3).tobytes()))
        seen[item.half] |= {("picture", image.read_bytes()) for image in item.images}
    assert not seen["train"] & seen["test"]
    assert next(item.half for item in objects if item.name == "shield blue") == next(
        item.half for item in objects if item.name == "shield red"
    )


def test_searching_all_shapes_never_shows_training_the_test_half(tiny):
    objects = read_manifest(tiny / "cc0_objects")
    held_out = {item.key for item in objects if item.half == "test"}
    source = replace(SOURCE, gallery="all", views="thumbnail")
    train, test = (source.load(split, root=tiny, cache=None, seed=0) for split in ("train", "test"))
    assert held_out
    assert not set(train.repository.keys) & held_out
    assert set(test.repository.keys) == {item.key for item in objects}
