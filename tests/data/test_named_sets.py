"""Clouds with pictures and class names: ModelNet10's pairs, drawn ModelNet40, ScanObjectNN, Redwood, CO3D."""

import h5py
import numpy as np
import pytest
from PIL import Image

from anaglyph.data.class_lists import class_list
from anaglyph.data.datasets.framed_objects import Co3D, Redwood
from anaglyph.data.datasets.modelnet10_pairs import ModelNet10Pairs
from anaglyph.data.datasets.modelnet40_clouds import ModelNet40Clouds
from anaglyph.data.datasets.scanobjectnn import COUNTS, FILES, ScanObjectNN
from anaglyph.errors import ConfigError, DataError
from named_on_disk import write_frames, write_object, write_scans
from reference.tiny_data import cloud, write_clouds, write_views

SMALL = {"size": 16, "stored_points": 64}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("named")
    write_clouds(root / "modelnet40_aligned")
    write_views(root / "modelnet10_views")
    return root


def load(source, root, split="test"):
    return source.load(split, root=root, cache=None, seed=0)


def test_pairs_of_modelnet_stand_y_up_under_the_words_of_their_classes(root):
    test = load(ModelNet10Pairs(**SMALL), root)
    assert test.class_names == class_list("modelnet10").words
    assert load(ModelNet10Pairs(**SMALL, class_words="official"), root).class_names[6] == "night_stand"
    row = test.keys.index("sofa_0008")
    x, y, z = cloud("sofa_0008").astype(np.float64).T
    expected = np.stack([x, z, -y], axis=1) - np.mean([x, z, -y], axis=1)
    heights = np.sort(expected[:, 1] / np.linalg.norm(expected, axis=1).max())
    found = np.sort(test.points[row, :, 1].astype(np.float64))
    assert found.min() >= heights.min() - 2e-3
    assert found.max() <= heights.max() + 2e-3


def test_the_views_of_a_test_are_few_and_always_the_same(root):
    every = load(ModelNet10Pairs(**SMALL), root)
    few = load(ModelNet10Pairs(**SMALL, test_views=2), root)
    assert (every.pictures.shape[1], few.pictures.shape[1]) == (4, 2)
    np.testing.assert_array_equal(few.pictures, every.pictures[:, [0, 2]])
    with pytest.raises(ConfigError, match=r"test_views=5 .* 4 exist"):
        load(ModelNet10Pairs(**SMALL, test_views=5), root)


def test_validation_is_chosen_without_looking_at_labels(root):
    held_out = set(load(ModelNet10Pairs(**SMALL, validation_fraction=0.3), root, "validation").keys)
    for names in ("modelnet10", "modelnet40"):
        drawn = ModelNet40Clouds(stored_points=64, validation_fraction=0.3, classes=names)
        assert held_out <= set(load(drawn, root, "validation").keys) | {"lamp_0001"}


def test_pictures_without_a_cloud_are_refused_by_name_and_clouds_without_pictures_where_asked(tmp_path):
    write_clouds(tmp_path / "modelnet40_aligned")
    write_views(tmp_path / "modelnet10_views")
    table = tmp_path / "modelnet10_views" / "pairs.csv"
    rows = table.read_text().splitlines()
    changed = [row.replace("sofa_0008", "sofa_0999") for row in rows]
    table.write_text("\n".join(changed) + "\n")
    with pytest.raises(DataError, match=r"1 without a cloud \(sofa_0999\)"):
        load(ModelNet10Pairs(**SMALL), tmp_path)
    table.write_text("\n".join(row for row in rows if "sofa_0008" not in row) + "\n")
    with pytest.raises(DataError, match="does not list 1 pictured test objects"):
        load(ModelNet10Pairs(**SMALL), tmp_path)
    for path in (tmp_path / "modelnet10_views" / "images" / "sofa" / "test").iterdir():
        path.unlink()
    (key,) = (
        set(load(ModelNet40Clouds(stored_points=64, classes="modelnet10"), tmp_path).keys)
        - set(load(ModelNet10Pairs(**SMALL), tmp_path).keys)
        - {"sofa_0007"}
    )
    assert key == "sofa_0008"
    with pytest.raises(DataError, match=r"2 without a picture \(sofa_0007, sofa_0008\)"):
        load(ModelNet10Pairs(**SMALL, unpaired="refuse"), tmp_path)


@pytest.mark.parametrize("look", ["shaded", "depth"])
def test_clouds_of_modelnet40_are_drawn_where_asked(root, look):
    drawn = ModelNet40Clouds(**SMALL, pictures=look, views="ring8", test_views=2, classes="modelnet10")
    test = load(drawn, root)
    assert test.pictures.shape == (20, 2, 1, 16, 16)
    assert len(test.class_names) == 10
    assert test.batch([0], epoch=None).images.shape == (1, 2, 3, 16, 16)
    assert load(ModelNet40Clouds(**SMALL), root).pictures is None
    with pytest.raises(ConfigError, match="test_views=9"):
        ModelNet40Clouds(test_views=9, views="ring8")


@pytest.mark.parametrize("variant", sorted(FILES))
def test_every_variant_of_scanobjectnn_is_read_from_its_own_file(tmp_path, variant):
    write_scans(tmp_path / "scanobjectnn", variant=variant)
    scans = ScanObjectNN(**SMALL, variant=variant, views="ring8", check="report")
    parts = [load(scans, tmp_path, split) for split in ("train", "validation", "test")]
    assert sum(map(len, parts[:2])) == 9
    assert parts[2].keys[4] == f"{variant}/test-00004"
    assert parts[2].class_names[parts[2].labels[4]] == "chair"
    other = "obj_bg" if variant != "obj_bg" else "hardest"
    with pytest.raises(DataError, match="there is no file"):
        load(ScanObjectNN(**SMALL, variant=other), tmp_path)


def test_scans_that_are_not_all_there_stop_a_strict_load(tmp_path):
    write_scans(tmp_path / "scanobjectnn")
    with pytest.raises(DataError, match="5 test scans of obj_only instead of the published 581"):
        load(ScanObjectNN(**SMALL), tmp_path)
    assert COUNTS["hardest"] == {"train": 11_416, "test": 2882}


def test_damaged_scans_are_named(tmp_path):
    path = write_scans(tmp_path / "scanobjectnn") / FILES["obj_only"].format(split="test")
    with h5py.File(path, "r+") as file:
        file["label"][0] = 15
    with pytest.raises(DataError, match="labels from 1 to 15"):
        load(ScanObjectNN(**SMALL, check="report"), tmp_path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="no readable file of scans"):
        load(ScanObjectNN(**SMALL, check="report"), tmp_path)


def test_scans_whose_z_is_up_are_turned(tmp_path):
    write_scans(tmp_path / "scanobjectnn")
    y, z = (
        load(ScanObjectNN(**SMALL, up=up, check="report", views="ring8"), tmp_path).points.astype(np.float32)
        for up in ("y", "z")
    )
    np.testing.assert_array_equal(z, np.stack([y[..., 0], y[..., 2], -y[..., 1]], axis=-1))


def test_folders_of_objects_become_a_split_with_evenly_spread_frames(tmp_path):
    write_frames(tmp_path / "redwood", ["chair", "sofa"], objects=8, frames=5)
    source = Redwood(**SMALL, frames=2, validation_fraction=0.3)
    parts = {split: load(source, tmp_path, split) for split in ("train", "validation", "test")}
    keys = [key for part in parts.values() for key in part.keys]
    assert len(keys) == len(set(keys)) == 16
    assert all(part.pictures.shape[1:] == (2, 3, 16, 16) for part in parts.values())
    assert {part.class_names[2] for part in parts.values()} == {"trash container"}


def test_masks_and_depth_maps_beside_the_frames_of_co3d_are_no_pictures(tmp_path):
    folder = write_frames(tmp_path / "co3d", ["ball"], objects=3)
    (folder / "train.txt").write_text("ball/object0\nball/object1\n")
    (folder / "test.txt").write_text("ball/object2\n")
    frames = load(Co3D(**SMALL, frames=3), tmp_path).pictures
    for name in ("depth_masks", "depths", "masks"):
        (folder / "ball" / "object2" / name).mkdir()
        for frame in range(4):
            Image.new("L", (40, 30)).save(folder / "ball" / "object2" / name / f"frame{frame:04d}.png")
    np.testing.assert_array_equal(load(Co3D(**SMALL, frames=3), tmp_path).pictures, frames)


def test_pictures_may_lie_beside_the_cloud(tmp_path):
    folder = write_frames(tmp_path / "redwood", ["chair"], objects=6)
    for place in (folder / "chair").iterdir():
        for path in (place / "images").iterdir():
            path.rename(place / path.name)
        (place / "images").rmdir()
    assert load(Redwood(**SMALL, frames=4), tmp_path, "train").pictures.shape[1] == 4


def test_lists_decide_where_they_are_and_must_be_two_without_a_common_object(tmp_path):
    folder = write_frames(tmp_path / "co3d", ["teddybear"], objects=4)
    (folder / "train.txt").write_text("teddybear/object0\nteddybear/object1\nteddybear/object2\n")
    with pytest.raises(DataError, match=r"train\.txt' is there and the other"):
        load(Co3D(**SMALL), tmp_path)
    (folder / "test.txt").write_text("teddybear/object3\n")
    assert load(Co3D(**SMALL), tmp_path).keys == ("teddybear/object3",)
    (folder / "test.txt").write_text("teddybear/object3\nteddybear/object2\n")
    with pytest.raises(DataError, match="share teddybear/object2"):
        load(Co3D(**SMALL), tmp_path)


def test_axes_of_the_files_are_exchanged_as_asked(tmp_path):
    folder = write_frames(tmp_path / "co3d", ["ball"], objects=3)
    (folder / "train.txt").write_text("ball/object0\nball/object1\n")
    (folder / "test.txt").write_text("ball/object2\n")
    plain = load(Co3D(**SMALL, axes=("x", "y", "z")), tmp_path).points
    np.testing.assert_array_equal(load(Co3D(**SMALL), tmp_path).points, plain[..., [1, 0, 2]])
    turned = load(Co3D(**SMALL, axes=("x", "-z", "y")), tmp_path).points
    np.testing.assert_allclose(turned[..., 1], -plain[..., 2], atol=1e-3)
    with pytest.raises(ConfigError, match="must name x, y and z once each"):
        Co3D(axes=("x", "y", "-y"))


def test_objects_that_lack_a_cloud_or_pictures_are_left_out_or_refused_by_name(tmp_path, caplog):
    folder = write_frames(tmp_path / "redwood", ["chair"], objects=6)
    write_object(folder / "chair" / "seen", points=0)
    write_object(folder / "chair" / "felt", frames=0)
    load(Redwood(**SMALL), tmp_path)
    said = (
        "1 with a cloud and without pictures (chair/felt); 1 with pictures and without a cloud (chair/seen)"
    )
    assert said in caplog.text
    with pytest.raises(DataError, match=r"not whole.*chair/felt.*chair/seen.*unpaired: drop"):
        load(Redwood(**SMALL, unpaired="refuse"), tmp_path)


@pytest.mark.parametrize(("frames", "points"), [(3, 0), (0, 70), (0, 0)])
def test_a_folder_where_nothing_is_whole_says_what_is_missing(tmp_path, frames, points):
    write_frames(tmp_path / "redwood", ["chair"], objects=2, frames=frames, points=points)
    has = {(3, 0): "2 with pictures and without a cloud", (0, 70): "2 with a cloud and without pictures"}
    with pytest.raises(DataError, match=f"no object with both.*{has.get((frames, points), 'Classes')}"):
        load(Redwood(**SMALL), tmp_path)


def test_broken_files_are_named(tmp_path):
    folder = write_frames(tmp_path / "redwood", ["chair"], objects=3)
    for path in folder.rglob("cloud.npy"):
        path.write_bytes(b"no cloud")
    with pytest.raises(DataError, match=r"cloud\.npy"):
        load(Redwood(**SMALL), tmp_path, "train")
    write_object(folder / "sofa" / "two")
    np.save(folder / "sofa" / "two" / "other.npy", np.zeros((5, 3)))
    with pytest.raises(DataError, match=r"2 clouds \(cloud\.npy, other\.npy\)"):
        load(Redwood(**SMALL), tmp_path, "train")


def test_the_real_pairs_are_those_of_the_documentation(shared_data, tmp_path):
    if not (shared_data / "modelnet10_views").is_dir():
        pytest.skip(f"no views at '{shared_data}'")
    test = ModelNet10Pairs(size=8).load("test", root=shared_data, cache=None, seed=0)
    assert (len(test), test.pictures.shape[1]) == (100, 12)
    assert np.bincount(test.labels).tolist() == [10] * 10
