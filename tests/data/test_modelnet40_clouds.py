import numpy as np
import pytest

from anaglyph.data.datasets.modelnet40_clouds import ModelNet40Clouds
from anaglyph.data.datasets.modelnet_clouds import read_clouds
from anaglyph.errors import ConfigError, DataError
from reference.tiny_data import cloud, write_clouds


@pytest.fixture
def root(tmp_path):
    write_clouds(tmp_path / "modelnet40_aligned")
    return tmp_path


def load(root, split="test", **options):
    return ModelNet40Clouds(**{"stored_points": 80, **options}).load(split, root=root, cache=None, seed=0)


def test_clouds_are_turned_to_y_up_and_fill_the_unit_sphere(root):
    test = load(root)
    row = test.keys.index("sofa_0008")
    x, y, z = cloud("sofa_0008").astype(np.float64).T
    expected = np.stack([x, z, -y], axis=1)
    expected = expected - expected.mean(axis=0)
    expected /= np.linalg.norm(expected, axis=1).max()
    found = test.points[row].astype(np.float64)
    np.testing.assert_allclose(
        found[np.argsort(found[:, 0])], expected[np.argsort(expected[:, 0])], atol=2e-3
    )


def test_class_names_are_those_of_the_file_in_its_order_and_can_be_cleaned(root):
    test = load(root)
    names = (root / "modelnet40_aligned" / "class_names.txt").read_text().split()
    assert list(test.class_names) == names
    assert "lamp" in names  # a class without test objects keeps its place
    assert all(
        key.startswith(test.class_names[label]) for key, label in zip(test.keys, test.labels, strict=True)
    )
    cleaned = load(root, class_words="cleaned")
    assert "night stand" in cleaned.class_names
    assert (cleaned.labels == test.labels).all()


def test_repeated_clouds_can_be_left_out_of_the_test(root):
    assert "chair_0007" in load(root).keys
    assert set(load(root).keys) - set(load(root, drop_duplicates=True).keys) == {"chair_0007"}
    table = root / "modelnet40_aligned" / "duplicates.csv"
    table.write_text("group,split,class,id\n0,test,bed,bed_0007\n0,test,desk,desk_0008\n")
    assert set(load(root).keys) - set(load(root, drop_duplicates=True).keys) == {"desk_0008"}
    table.unlink()
    with pytest.raises(DataError, match=r"drop_duplicates needs .*duplicates\.csv"):
        load(root, drop_duplicates=True)


def test_repeated_training_clouds_stay_on_one_side(root):
    for fraction in (0.1, 0.3, 0.5):
        held_out = set(load(root, "validation", validation_fraction=fraction).keys)
        assert ("bed_0001" in held_out) == ("bed_0003" in held_out)


def test_a_tree_of_files_has_the_classes_of_its_folders(tmp_path):
    for name, split in (("night_stand", "test"), ("bed", "train")):
        place = tmp_path / "modelnet40_aligned" / name / split
        place.mkdir(parents=True)
        np.save(place / f"{name}_1.npy", cloud(name))
    test = load(tmp_path)
    assert test.class_names == ("bed", "night_stand")
    assert test.labels.tolist() == [1]


def test_options_that_cannot_be_meant_are_refused():
    with pytest.raises(ConfigError, match="points=2000"):
        ModelNet40Clouds(points=2000)


def test_the_real_test_clouds_load_with_and_without_duplicates(shared_data):
    test, fresh = (ModelNet40Clouds(drop_duplicates=drop).load("test", root=shared_data, cache=None, seed=0)
                   for drop in (False, True))  # fmt: skip
    assert len(test) == 1234
    assert len(test.class_names) == 40
    assert set(fresh.keys) < set(test.keys)
    clouds = read_clouds(shared_data / "modelnet40_aligned", "test")
    points = {key: cloud.tobytes() for key, cloud in zip(clouds.ids, clouds.points, strict=True)}
    trained = {cloud.tobytes() for cloud in read_clouds(shared_data / "modelnet40_aligned", "train").points}
    kept = [points[key] for key in fresh.keys]
    assert len(set(kept)) == len(kept)
    assert not set(kept) & trained
    heights = np.ptp(test.points[..., 1].astype(np.float32), axis=1)
    lamps = test.labels == test.class_names.index("lamp")
    beds = test.labels == test.class_names.index("bed")
    assert heights[lamps].mean() > 1.4 * heights[beds].mean()
