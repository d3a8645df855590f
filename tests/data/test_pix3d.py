import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from anaglyph.config import structure
from anaglyph.data.datasets.completeness import Completeness
from anaglyph.data.datasets.frames import azimuth_of, in_library_frame, to_library
from anaglyph.data.datasets.pix3d import Pix3D
from anaglyph.data.datasets.pix3d_splits import (
    CATEGORIES,
    IBSR_CATEGORIES,
    IMAGES,
    S1_IMAGES,
    ibsr_halves,
    model_of_shapes,
    read_records,
)
from anaglyph.data.datasets.shapenet_shapes import ShapeNetShapes
from anaglyph.errors import ConfigError, DataError, MeshError
from anaglyph.geometry.mesh import Mesh
from furniture_on_disk import boxes, disc, photograph, write, write_json, write_picture
from pix3d_on_disk import record, records, write_pix3d

SIZE = 32


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_pix3d(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def source(**options):
    return Pix3D(**{"check": "report", "size": SIZE, **options})


def load(tree, cache, split, **options):
    return source(**options).load(split, root=tree, cache=cache, seed=0)


def test_the_published_numbers_are_the_dossiers():
    assert IMAGES == 10_069
    assert sum(S1_IMAGES.values()) == IMAGES
    assert S1_IMAGES == {"train": 7_539, "test": 2_530}
    assert len(CATEGORIES) == 9
    assert IBSR_CATEGORIES == ("bed", "chair", "sofa", "table")


def test_every_image_of_the_ibsr_split_is_clean_and_of_the_four_categories(tree, cache):
    keys = [key for split in ("train", "validation", "test") for key in load(tree, cache, split).keys]
    clean = [
        row for row in records() if not any(row[f] for f in ("occluded", "slightly_occluded", "truncated"))
    ]
    assert sorted(keys) == sorted(row["img"][4:] for row in clean if row["category"] != "desk")


def test_half_of_each_shapes_images_test_and_every_tested_shape_was_trained(tree):
    rows = [each for each in read_records(tree / "pix3d", obtain="") if not each.hard]
    train, test = ibsr_halves(rows)
    assert not train & test
    for shape in {each.shape for each in rows}:
        images = [each.image for each in rows if each.shape == shape]
        assert len(train & set(images)) == (len(images) + 1) // 2


def test_no_tested_shape_loses_all_its_training_images_to_validation(tree, cache):
    for seed_share in (0.1, 0.5, 0.9):
        shown = {
            split: {
                queries.repository.keys[row]
                for queries in [load(tree, cache, split, validation_fraction=seed_share)]
                for row in queries.shapes.tolist()
            }
            for split in ("train", "test")
        }
        assert shown["test"] <= shown["train"], seed_share


def test_the_halves_do_not_depend_on_the_order_of_the_records(tree):
    rows = read_records(tree / "pix3d", obtain="")
    assert ibsr_halves(rows) == ibsr_halves(rows[::-1])


def test_models_in_one_folder_are_one_shape_and_the_one_most_images_name_is_taken(tree, cache):
    queries = load(tree, cache, "train")
    assert queries.repository.keys == ("bed/IKEA_MALM", "chair/IKEA_JULES", "chair/IKEA_POANG")
    chosen = model_of_shapes(read_records(tree / "pix3d", obtain=""))
    assert chosen["chair/IKEA_JULES"] == "model/chair/IKEA_JULES/jules_1.obj"


def test_labels_are_the_categories_of_the_shown_shapes(tree, cache):
    queries = load(tree, cache, "train")
    named = [queries.class_names[label] for label in queries.labels]
    assert named == [key.partition("/")[0] for key in queries.keys]


def test_the_front_of_a_model_faces_the_first_camera_and_its_left_arm_is_on_the_left(tree, cache):
    chair = load(tree, cache, "train").repository.meshes(1)
    seat, back, arm = chair.vertices[:8], chair.vertices[8:16], chair.vertices[16:24]
    assert back[:, 2].mean() < seat[:, 2].mean()  # farther from the camera, which stands on +z
    assert arm[:, 0].mean() < seat[:, 0].mean()  # left in the picture of that camera, whose right is +x
    assert chair.vertices[:, 1].max() == back[:, 1].max()
    ring = load(tree, cache, "train").repository
    assert ring.azimuths[0] == 0
    front = ring.views[1, 0, 0]
    arm_side, other_side = front[8:20, : SIZE // 2], front[8:20, SIZE // 2 :]
    assert not np.array_equal(arm_side, other_side[:, ::-1])


def test_the_frame_of_pix3d_is_a_rotation():
    assert np.linalg.det(to_library("pix3d")) == pytest.approx(1.0)
    left, up, inward = np.eye(3)
    assert (to_library("pix3d") @ left).tolist() == [-1, 0, 0]
    assert (to_library("pix3d") @ up).tolist() == [0, 1, 0]
    assert (to_library("pix3d") @ inward).tolist() == [0, 0, -1]


@pytest.mark.parametrize(
    ("position", "azimuth"),
    [((0, 0, -2), 0), ((2, 0, 0), 270), ((0, 1, 2), 180), ((-2, 0, 0), 90), ((-1, 3, -1), 45)],
)
def test_a_camera_position_of_pix3d_becomes_its_azimuth(position, azimuth):
    assert azimuth_of(position, "pix3d") == pytest.approx(azimuth)


def test_azimuths_of_the_queries_are_in_the_frame_of_the_views(tree, cache):
    queries = load(tree, cache, "test", test_images="hard")
    assert dict(zip(queries.keys, queries.azimuths.tolist(), strict=True)) == {
        "bed/3000.png": 0.0,
        "bed/3001.png": 0.0,
        "bed/3002.png": 270.0,
    }


def test_queries_are_cut_to_their_masks(tree, cache):
    queries = load(tree, cache, "train")
    middle = slice(SIZE // 2 - 4, SIZE // 2 + 4)
    # The disc fills the crop, so its middle is the object's colour and its corners are not in the mask.
    assert (queries.masks[:, middle, middle] == 255).all()
    assert (queries.masks[:, 0, 0] == 0).all()
    colour = queries.images[:, :, middle, middle].reshape(len(queries), 3, -1).mean(axis=2)
    np.testing.assert_allclose(colour, np.tile([250, 10, 10], (len(queries), 1)), atol=12)


def test_batches_hold_one_shape_for_each_query(tree, cache):
    batch = load(tree, cache, "train").batch([0, 1, 2], epoch=0)
    assert batch.images.shape == (3, 1, 3, SIZE, SIZE)
    assert batch.shapes.views.shape == (3, 12, 1, SIZE, SIZE)
    assert len(set(batch.shapes.keys)) == 3


def test_views_and_crops_are_mapped_from_the_cache(tree, cache):
    queries = load(tree, cache, "train")
    assert isinstance(queries.images, np.memmap)
    assert isinstance(queries.repository.views, np.memmap)
    before = sorted(cache.iterdir())
    load(tree, cache, "train")
    assert sorted(cache.iterdir()) == before


def test_without_a_cache_the_result_is_the_same(tree, cache):
    kept, made = load(tree, cache, "validation"), load(tree, None, "validation")
    assert kept.fingerprint() == made.fingerprint()


def agreement(first, second):
    """Intersection over union of two arrays of masks."""
    return ((first > 127) & (second > 127)).sum() / ((first > 127) | (second > 127)).sum()


def test_odd_pictures_give_the_same_query_as_plain_ones(tree, cache, tmp_path):
    folder = tmp_path / "pix3d"
    shutil.copytree(tree / "pix3d", folder)
    options = {"categories": ("bed",)}
    (key,) = load(tree, cache, "test", **options).keys
    grey = disc(60, 40, centre=(30, 20), radius=10)
    plain = photograph(grey, inside=(90, 90, 90), outside=(200, 200, 200))
    image, mask = folder / "img" / key, folder / "mask" / key
    write_picture(image, plain)
    expected = load(tmp_path, cache, "test", **options)

    Image.fromarray(plain).quantize(8, method=Image.Quantize.FASTOCTREE).save(image)
    palette = load(tmp_path, cache, "test", **options)
    write_picture(image, plain, mode="L")
    gray = load(tmp_path, cache, "test", **options)
    write_picture(image, plain, mode="RGBA")
    rgba = load(tmp_path, cache, "test", **options)
    # As for table/1749 and table/0045: the mask has another size than the picture.
    Image.fromarray(grey).resize((120, 80), Image.Resampling.NEAREST).save(mask)
    sized = load(tmp_path, cache, "test", **options)
    for changed in (palette, gray, rgba, sized):
        assert changed.keys == expected.keys
        assert agreement(changed.masks, expected.masks) > 0.95
    for changed in (palette, gray, rgba):
        assert np.abs(changed.images.astype(int) - expected.images.astype(int)).max() <= 2


def test_predicted_masks_come_from_their_folder(tree, cache, tmp_path):
    folder = tmp_path / "pix3d"
    shutil.copytree(tree / "pix3d", folder)
    key = load(tree, cache, "test", categories=("bed",)).keys[0]
    for row in records():
        name = row["img"][4:].rpartition(".")[0]
        write_picture(folder / "predicted" / f"{name}.png", np.full((40, 60), 255))
    queries = load(tmp_path, cache, "test", categories=("bed",), masks="predicted")
    middle = queries.masks[queries.keys.index(key)][SIZE // 2]
    assert (middle == 255).all()
    with pytest.raises(DataError, match="masks are missing"):
        load(tmp_path, cache, "test", masks="elsewhere", check="strict")


def test_a_published_list_says_which_images_test(tree, cache):
    wanted = ["bed/2000.png", "chair/1001.jpg"]
    (tree / "pix3d" / "pix3d_test_list.txt").write_text("".join(f"/{name}\n" for name in wanted))
    queries = load(tree, cache, "test", test_list="pix3d_test_list.txt")
    assert sorted(queries.keys) == wanted
    rest = [
        key
        for split in ("train", "validation")
        for key in load(tree, cache, split, test_list="pix3d_test_list.txt").keys
    ]
    assert not set(rest) & set(wanted)
    assert len(rest) == 12 - len(wanted)
    (tree / "pix3d" / "wrong.txt").write_text("/bed/9999.png\n")
    with pytest.raises(DataError, match="9999"):
        load(tree, cache, "test", test_list="wrong.txt")


def mesh_rcnn(rows):
    """COCO-like, as Mesh R-CNN's files, with fields that are not read."""
    return {
        "info": {"year": 2020},
        "categories": [{"id": 1, "name": "bed", "supercategory": "furniture"}],
        "images": [
            {"id": n, "file_name": row["img"], "width": 60, "height": 40} for n, row in enumerate(rows)
        ],
        "annotations": [{"id": n, "image_id": n, "K": [35.0, 30.0, 20.0]} for n, _ in enumerate(rows)],
    }


def test_s1_and_s2_are_read_from_the_published_files_and_hold_occluded_images_too(tree, cache):
    rows = records()
    for protocol in ("s1", "s2"):
        write_json(tree / "pix3d" / "splits" / f"pix3d_{protocol}_train.json", mesh_rcnn(rows[::2]))
        write_json(tree / "pix3d" / "splits" / f"pix3d_{protocol}_test.json", mesh_rcnn(rows[1::2]))
        options = {"protocol": protocol, "split_files": "splits"}
        test = load(tree, cache, "test", **options)
        assert sorted(test.keys) == sorted(row["img"][4:] for row in rows[1::2])
        train = load(tree, cache, "train", **options)
        validation = load(tree, cache, "validation", **options)
        assert sorted(train.keys + validation.keys) == sorted(row["img"][4:] for row in rows[::2])
        assert test.repository.category_names == CATEGORIES
        if protocol == "s2":  # validation shapes are not trained, as the test's are not
            assert not set(train.shapes.tolist()) & set(validation.shapes.tolist())


def test_options_come_from_a_recipe_and_wrong_ones_are_refused(tree):
    made = structure(Pix3D, {"categories": ["bed"], "protocol": "ibsr"}, where="data")
    assert made.chosen == ("bed",)
    with pytest.raises(ConfigError, match="desk"):
        Pix3D(categories=("desk",))
    with pytest.raises(ConfigError, match="test_list"):
        Pix3D(protocol="s1", test_list="x.txt")


def test_an_incomplete_data_set_is_an_error_that_says_what_is_missing_and_where_it_is_had(
    tree, tmp_path, cache
):
    folder = tmp_path / "pix3d"
    shutil.copytree(tree / "pix3d", folder)
    gone = [folder / row["img"] for row in records()[:7]]
    for path in gone:
        path.unlink()
    with pytest.raises(DataError) as error:
        load(tmp_path, cache, "train", check="strict")
    message = str(error.value)
    assert "16 images in pix3d.json instead of the published 10,069" in message
    assert "3 categories instead of the published 9" in message
    assert "7 of 15 images are missing: img/chair/0000.png, img/chair/0001.png" in message
    assert "and 2 more" in message
    assert "pix3d.csail.mit.edu" in message
    assert "check=report" in message


def test_with_check_report_what_is_there_is_used_and_stays_in_its_split(tree, cache, tmp_path):
    folder = tmp_path / "pix3d"
    shutil.copytree(tree / "pix3d", folder)
    whole = {split: load(tree, cache, split).keys for split in ("train", "test")}
    missing = whole["train"][0]
    (folder / "img" / missing).unlink()
    for split, keys in whole.items():
        assert load(tmp_path, cache, split).keys == tuple(key for key in keys if key != missing)


def test_without_the_folder_the_error_says_where_the_data_is_had(tmp_path, cache):
    with pytest.raises(DataError, match=r"pix3d\.csail\.mit\.edu"):
        load(tmp_path, cache, "train")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"img": "../../secret.png"}, "img="),
        ({"mask": "/etc/passwd"}, "mask="),
        ({"truncated": "maybe"}, "truncated="),
        ({"model": "model.obj"}, "model="),
        ({"category": None}, "category="),
    ],
)
def test_a_wrong_field_is_named_with_its_record(tmp_path, change, named, cache):
    rows = [record("0001.png", "bed", "A/model.obj"), {**record("0002.png", "bed", "A/model.obj"), **change}]
    write_json(tmp_path / "pix3d" / "pix3d.json", rows)
    with pytest.raises(DataError, match=named) as error:
        load(tmp_path, cache, "train")
    assert "record 1" in str(error.value)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"a": 1}', ""])
def test_a_damaged_list_is_a_data_error(tmp_path, text, cache):
    write(tmp_path / "pix3d" / "pix3d.json", text)
    with pytest.raises(DataError, match=r"pix3d\.json"):
        load(tmp_path, cache, "train")


def test_bad_pictures_stop_by_default_and_are_counted_and_left_out_when_allowed(
    tree, cache, tmp_path, caplog
):
    folder = tmp_path / "pix3d"
    shutil.copytree(tree / "pix3d", folder)
    keys = load(tree, cache, "train").keys
    (folder / "img" / keys[0]).write_bytes(b"no picture")
    write_picture(folder / "mask" / f"{keys[2].rpartition('.')[0]}.png", np.zeros((40, 60)))
    with pytest.raises(DataError, match="max_bad") as error:
        load(tmp_path, cache, "train")
    assert any(key in str(error.value) for key in (keys[0], keys[2]))
    store = tmp_path / "cache"
    queries = load(tmp_path, store, "train", max_bad=2)
    assert queries.keys == tuple(key for key in keys if key not in (keys[0], keys[2]))
    whole = load(tree, cache, "train")
    rows = [row for row, key in enumerate(keys) if key in queries.keys]
    np.testing.assert_array_equal(queries.images, whole.images[rows])
    np.testing.assert_array_equal(queries.masks, whole.masks[rows])
    caplog.clear()
    again = load(tmp_path, store, "train", max_bad=2)  # from the cache: still said
    assert again.keys == queries.keys
    assert keys[0] in caplog.text
    with pytest.raises(DataError, match="max_bad"):
        load(tmp_path, store, "train", max_bad=1)


def test_a_model_that_cannot_be_read_is_named(tree, tmp_path, cache):
    folder = tmp_path / "pix3d"
    shutil.copytree(tree / "pix3d", folder)
    write(folder / "model/bed/IKEA_MALM/malm.obj", "v 0 0 0\n")
    with pytest.raises(DataError, match="bed/IKEA_MALM"):
        load(tmp_path, cache, "train")
    queries = load(tmp_path, cache, "train", max_bad=1)
    assert queries.repository.keys == ("chair/IKEA_JULES", "chair/IKEA_POANG")
    assert all(key.startswith("chair/") for key in queries.keys)
    with pytest.raises(MeshError):
        replace(queries.repository.meshes, paths=(folder / "model/bed/IKEA_MALM/malm.obj",))(0)


def test_completeness_says_what_it_found_and_passes_when_nothing_is_missing(tmp_path):
    write(tmp_path / "a.txt", "a")
    complete = Completeness("a set", "From nowhere.")
    complete.expect("images", 3, 3)
    assert complete.files("texts", [tmp_path / "a.txt"], root=tmp_path) == set()
    complete.settle("strict")
    assert complete.found == ["3 images, as published", "1 texts"]


def test_a_mirrored_frame_keeps_faces_winding_outwards():
    triangle = Mesh(
        vertices=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32),
        faces=np.array([[0, 1, 2]], dtype=np.int32),
        corner_uv=np.array([[[0, 0], [1, 0], [0, 1]]], dtype=np.float32),
    )
    turned = in_library_frame(triangle, "shapenet_v1")
    a, b, c = turned.vertices[turned.faces[0]].astype(float)
    before = to_library("shapenet_v1") @ np.array([0.0, 0.0, 1.0])  # the normal, mirrored with the rest
    np.testing.assert_allclose(np.cross(b - a, c - a), before)
    np.testing.assert_array_equal(turned.corner_uv[0, ::-1], triangle.corner_uv[0])


def test_shapenet_models_of_both_versions_make_a_repository_with_ids_as_text(tmp_path):
    write(tmp_path / "ShapeNetCore/03001627/0123/model.obj", boxes(((0, 0.5), (0, 1), (-0.2, 0.2))))
    made = ShapeNetShapes(categories=("chair",), size=SIZE).repository(root=tmp_path, cache=None)
    assert made.keys == ("chair/0123",)
    assert made.meshes(0).vertices[:, 2].max() == 0.5  # +x of v1 is the front
    write(tmp_path / "v2/chair/9/models/model_normalized.obj", boxes(((-0.2, 0.2), (0, 1), (-0.5, 0))))
    options = {"folder": "v2", "version": "v2", "categories": ("chair",), "size": SIZE}
    made = ShapeNetShapes(**options).repository(root=tmp_path, cache=None)
    assert made.meshes(0).vertices[:, 2].max() == 0.5  # -z of v2 is the front
    with pytest.raises(DataError, match="check `version`"):
        ShapeNetShapes(**{**options, "version": "v1"}).repository(root=tmp_path, cache=None)
    with pytest.raises(DataError, match=r"shapenet\.org"):
        ShapeNetShapes(folder="v2").repository(root=tmp_path, cache=None)


def test_the_real_shapenet_models_make_a_repository(shared_data):
    made = ShapeNetShapes(
        folder="shapenet_sample", version="v2", categories=("chair", "cup"), size=SIZE
    ).repository(root=shared_data, cache=None)
    assert len(made) == 6
    assert made.views.shape == (6, 12, 1, SIZE, SIZE)
    chair = made.meshes(0).vertices
    high, low = chair[chair[:, 1] > 0.2], chair[chair[:, 1] < 0.0]
    assert high[:, 2].mean() < low[:, 2].mean()  # the back of a chair that faces +z


def test_pix3d_json_has_the_fields_of_the_readme():
    assert json.loads(json.dumps(records()[0])).keys() >= {"img", "mask", "model", "rot_mat", "cam_position"}
