import json

import h5py
import numpy as np
import pytest

from anaglyph.data.catalog import DataConfig, create_dataset
from anaglyph.data.datasets.modelnet import MODELNET10
from anaglyph.errors import DataError
from anaglyph.io.pictures import read_picture
from reference.tiny_data import OPTIONS, cloud, ids, write_clouds, write_views


@pytest.fixture
def root(tmp_path):
    write_clouds(tmp_path / "modelnet40_aligned")
    write_views(tmp_path / "modelnet10_views")
    return tmp_path


def make(root, split="train", **options):
    return create_dataset(
        DataConfig(name="modelnet", options={**OPTIONS["modelnet"], **options}), split, root=root
    )


def test_views_and_clouds_are_paired_by_id_and_labelled_by_folder(root):
    test = make(root, "test", frame="as_is", stored_points=80)
    assert list(test.keys) == sorted(key for key, _ in ids("test"))
    for row, key in enumerate(test.keys):
        assert key.startswith(test.class_names[test.labels[row]])
        expected = {tuple(point) for point in cloud(key).tolist()}
        assert {tuple(point) for point in test.points[row].tolist()} == expected
    lines = (root / "modelnet10_views" / "pairs.csv").read_text().splitlines()
    stem = next(line.split(",")[2] for line in lines if ",toilet_0008," in line)
    file = root / "modelnet10_views" / "images" / "toilet" / "test" / f"{stem}_003.png"
    row = test.keys.index("toilet_0008")
    np.testing.assert_array_equal(test.images[row, 2], read_picture(file, size=16, gray=True))


def test_train_hands_out_random_views_and_test_all_or_some(root):
    assert make(root).batch([0], epoch=0).images.shape == (1, 2, 1, 16, 16)
    assert make(root).batch([0], epoch=None).images.shape == (1, 3, 1, 16, 16)
    assert make(root, "test").batch([0], epoch=None).images.shape == (1, 4, 1, 16, 16)
    every, two = make(root, "test"), make(root, "test", test_views=2, gray=False)
    assert two.images.shape == (20, 2, 3, 16, 16)
    np.testing.assert_array_equal(two.images[:, :, 0], every.images[:, [0, 2], 0])
    with pytest.raises(DataError, match=r"5 views an object are asked for; .* have 4"):
        make(root, "test", test_views=5)


def test_train_and_validation_are_the_published_training_split(root):
    train, validation = make(root), make(root, "validation", validation_fraction=0.3)
    train = make(root, validation_fraction=0.3)
    assert sorted(train.keys + validation.keys) == sorted(key for key, _ in ids("train"))
    for seed_free in range(1, 60):  # the repeated beds stay together wherever the line is drawn
        fraction = seed_free / 60
        held = set(
            make(root, "validation", validation_fraction=fraction, views_folder="", train_views=0).keys
        )
        assert len(held & {"bed_0001", "bed_0003"}) in (0, 2)


def test_test_objects_that_training_has_seen_can_be_left_out(root):
    kept = make(root, "test", drop_duplicates=True)
    assert set(make(root, "test").keys) - set(kept.keys) == {"chair_0007"}


def test_clouds_alone_may_have_all_classes(root):
    dataset = make(root, views_folder="", classes="all", train_views=0, validation_fraction=0.01)
    assert dataset.images is None
    assert "lamp" in dataset.class_names
    assert "lamp_0001" in dataset.keys
    ten = make(root, views_folder="", train_views=0)
    assert ten.class_names == MODELNET10


def test_frames(root):
    sphere = make(root, "test").points.astype(np.float32)
    assert np.linalg.norm(sphere, axis=2).max() == pytest.approx(1.0, abs=2e-3)
    centred = make(root, "test", frame="centred", stored_points=80).points.astype(np.float32)
    np.testing.assert_allclose(centred.mean(axis=1), 0, atol=1e-3)


def test_unpaired_objects_are_dropped_or_refused_as_asked(root):
    views = root / "modelnet10_views" / "images" / "bed" / "test"
    stem = sorted(views.iterdir())[0].stem.rpartition("_")[0]
    for file in views.glob(f"{stem}*"):
        file.unlink()
    assert len(make(root, "test")) == 19
    with pytest.raises(DataError, match=r"1 without a picture \(bed_000[78]\)"):
        make(root, "test", unpaired="refuse")


def test_views_without_a_cloud_or_a_pair_are_refused(root):
    pairs = root / "modelnet10_views" / "pairs.csv"
    text = pairs.read_text()
    pairs.write_text(text.replace(",sofa_0007,", ",sofa_9999,"))
    with pytest.raises(DataError, match=r"1 without a cloud \(sofa_9999\)"):
        make(root, "test")
    pairs.write_text("\n".join(line for line in text.splitlines() if ",sofa_0007," not in line) + "\n")
    with pytest.raises(DataError, match=r"does not list 1 pictured test objects, such as 'sofa/"):
        make(root, "test")
    pairs.write_text(
        text.replace(",sofa_0007,", ",X,").replace(",bed_0007,", ",sofa_0007,").replace(",X,", ",bed_0007,")
    )
    with pytest.raises(DataError, match="'bed_0007' is a bed among the clouds and a sofa among the views"):
        make(root, "test")
    pairs.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="it needs cls, split, image_stem, modelnet40_id"):
        make(root, "test")


def test_without_a_pair_list_the_name_is_the_id(root):
    expected = make(root, "test")
    lines = (root / "modelnet10_views" / "pairs.csv").read_text().splitlines()[1:]
    (root / "modelnet10_views" / "pairs.csv").unlink()
    with pytest.raises(
        DataError, match=r"no cloud and no view share an id \(clouds: 'bathtub_0007' \.\.\., views"
    ):
        make(root, "test")
    for line in lines:
        name, split, stem, key, _ = line.split(",")
        for file in (root / "modelnet10_views" / "images" / name / split).glob(f"{stem}_*"):
            file.rename(file.with_name(file.name.replace(stem, key)))
    found = make(root, "test")
    assert found.keys == expected.keys
    np.testing.assert_array_equal(found.images, expected.images)


def as_tree(folder, suffix):
    for split in ("train", "test"):
        for key, name in ids(split):
            place = folder / name / split
            place.mkdir(parents=True, exist_ok=True)
            points = cloud(key)
            if suffix == "npy":
                np.save(place / f"{key}.npy", points)
            elif suffix == "txt":
                np.savetxt(place / f"{key}.txt", points)
            else:
                lines = "\n".join(" ".join(map(str, point)) for point in points.tolist())
                (place / f"{key}.off").write_text(f"OFF\n{len(points)} 0 0\n{lines}\n")


def as_hdf5(folder):
    folder.mkdir()
    (folder / "shape_names.txt").write_text("\n".join(MODELNET10))
    train = ids("train")
    for shard, objects in (("train0", train[:25]), ("train1", train[25:]), ("test0", ids("test"))):
        with h5py.File(folder / f"ply_data_{shard}.h5", "w") as file:
            file["data"] = np.stack([cloud(key) for key, _ in objects])
            file["label"] = np.array([[MODELNET10.index(name)] for _, name in objects], dtype=np.uint8)
        names = [f"{name}/{key}.ply" for key, name in objects]
        (folder / f"ply_data_{shard[:-1]}_{shard[-1]}_id2file.json").write_text(json.dumps(names))


@pytest.mark.parametrize("layout", ["npy", "txt", "off", "hdf5"])
def test_every_layout_gives_the_same_objects(root, layout):
    if layout == "hdf5":
        as_hdf5(root / "other")
    else:
        as_tree(root / "other", layout)
    for split in ("train", "test"):
        expected, found = make(root, split), make(root, split, folder="other")
        common = [row for row, key in enumerate(found.keys) if key in expected.keys]
        assert len(common) >= 0.7 * len(expected)  # without duplicates.csv the validation split differs
        rows = [expected.keys.index(found.keys[row]) for row in common]
        np.testing.assert_allclose(
            found.points[common].astype(np.float32), expected.points[rows].astype(np.float32), atol=2e-3
        )
        np.testing.assert_array_equal(found.labels[common], expected.labels[rows])


def test_damaged_and_missing_clouds_are_named(root):
    folder = root / "modelnet40_aligned"
    shard = folder / "test.npz"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"test\.npz' is no readable shard"):
        make(root, "test")
    shard.unlink()
    with pytest.raises(DataError, match=r"has neither test\*\.npz, test\*\.h5 nor"):
        make(root, "test")
    with pytest.raises(DataError, match=r"no folder .*nowhere'\. Put ModelNet clouds there"):
        make(root, folder="nowhere")
    (folder / "class_names.txt").unlink()
    with pytest.raises(DataError, match=r"no class_names\.txt or shape_names\.txt"):
        make(root)


def test_shards_that_unpack_to_too_much_or_lie_elsewhere_are_named(root, monkeypatch):
    as_hdf5(root / "other")
    with h5py.File(root / "other" / "ply_data_test0.h5", "a") as file:
        del file["data"]
        file.create_dataset("data", (20, 15_000_000, 3), "f4", chunks=(1, 1024, 3), compression="gzip")
    with pytest.raises(DataError, match=r"ply_data_test0\.h5' is not .*it unpacks to 3600000000 bytes"):
        make(root, "test", folder="other")
    monkeypatch.setattr("anaglyph.io.arrays.MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(DataError, match=r"test\.npz' is no readable shard .*at most 1000 are read"):
        make(root, "test")


def test_a_cloud_that_is_too_small_or_broken_is_named(root):
    with pytest.raises(DataError, match=r"the cloud of 'bathtub_000\d' has 80 points, 81 are to be stored"):
        make(root, stored_points=81)
    as_tree(root / "other", "npy")
    bad = cloud("bed_0007")
    bad[3] = np.inf
    np.save(root / "other" / "bed" / "test" / "bed_0007.npy", bad)
    with pytest.raises(
        DataError, match=r"bed_0007\.npy' has 1 points that are not finite, the first in row 3"
    ):
        make(root, "test", folder="other")


def test_the_real_pairs_are_complete(shared_data, tmp_path):
    test = create_dataset(
        DataConfig(name="modelnet", options={"size": 32, "test_views": 1}), "test", root=shared_data
    )
    assert len(test) == 100
    assert np.bincount(test.labels).tolist() == [10] * 10
    assert test.images.shape == (100, 1, 1, 32, 32)
    assert test.images[:, 0, 0, 0, 0].min() > 240  # renderings stand on white


def test_pairing_by_row_is_refused_where_the_rows_are_different_objects(root):
    assert make(root, "test", pair_by="row").keys == make(root, "test").keys
    views = root / "modelnet10_views" / "images" / "bed" / "test"
    first = sorted(views.iterdir())[0].stem.rpartition("_")[0]
    for file in views.glob(f"{first}*"):
        file.unlink()
    with pytest.raises(DataError, match="cannot be paired by row"):
        make(root, "test", pair_by="row", unpaired="refuse")
