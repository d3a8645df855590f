import json
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from anaglyph.data.datasets.car_poses import WIDTH, CarPose, posed_mask
from anaglyph.data.datasets.compcars3d import CompCars3D
from anaglyph.data.datasets.frames import in_library_frame
from anaglyph.data.datasets.stanford_cars3d import StanfordCars3D
from anaglyph.data.prepare.car_annotations import convert_annotations
from anaglyph.errors import DataError
from anaglyph.geometry.cameras import Camera
from anaglyph.geometry.mesh import Mesh
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views
from cars_on_disk import CAR, FIELDS, MODELS, POSES, annotation, write_cars
from furniture_on_disk import QUADS, corners, disc, write_picture

SIZE = 32


def mesh(*ranges):
    faces = [
        (8 * box + a, 8 * box + b, 8 * box + c)
        for box in range(len(ranges))
        for quad in QUADS
        for a, b, c in ((quad[0], quad[1], quad[2]), (quad[0], quad[2], quad[3]))
    ]
    return Mesh(vertices=corners(*ranges).astype(np.float32), faces=np.array(faces, dtype=np.int32))


def published_projection(points, pose, height):
    """(N, 2) columns and rows in the photograph scaled to a width of 300, as the published scripts say."""
    a, e, t = pose.azimuth, pose.elevation, pose.theta
    c, s = np.cos, np.sin
    about_y = np.array([[c(a), 0, -s(a)], [0, 1, 0], [s(a), 0, c(a)]])
    about_x = np.array([[1, 0, 0], [0, c(e), -s(e)], [0, s(e), c(e)]])
    about_z = np.array([[c(t), -s(t), 0], [s(t), c(t), 0], [0, 0, 1]])
    intrinsic = np.array([[pose.f, 0, pose.u + 300 / 2], [0, pose.f, pose.v + height // 2], [0, 0, 1]])
    extrinsic = np.concatenate([about_z @ about_x @ about_y, [[0], [0], [-pose.distance]]], axis=1)
    seen = intrinsic @ extrinsic @ np.concatenate([points, np.ones((len(points), 1))], axis=1).T
    return (seen[:2] / seen[2]).T


def hull(points, width, height, scale):
    """(height, width) filled convex hull of 2D points."""
    outline = points[ConvexHull(points).vertices] * scale
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).polygon([tuple(each) for each in outline], fill=255)
    return np.asarray(canvas)


def agreement(first, second):
    """Intersection over union."""
    return ((first > 127) & (second > 127)).sum() / ((first > 127) | (second > 127)).sum()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_cars(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def prepared(tree):
    for source in (StanfordCars3D(), StanfordCars3D(release="refined"), CompCars3D()):
        convert_annotations(source, tree / "finegrained-pose")
    return tree


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def load(tree, cache, split, kind=StanfordCars3D, **options):
    options = {"check": "report", "size": SIZE, "masks": "projected", **options}
    return kind(**options).load(split, root=tree, cache=cache, seed=0)


def test_the_published_numbers_are_the_dossiers():
    stanford, compcars = StanfordCars3D.benchmark, CompCars3D.benchmark
    assert (stanford.classes, stanford.models, dict(stanford.images)) == (
        196,
        134,
        {"train": 8144, "test": 8041},
    )
    assert (compcars.classes, compcars.models, dict(compcars.images)) == (
        113,
        98,
        {"train": 3798, "test": 1898},
    )


def test_converted_annotations_are_exactly_those_of_the_pickles(prepared):
    folder = prepared / "finegrained-pose/Anno3D/StanfordCars"
    made = json.loads((folder / "annotations_first.json").read_text())
    for part in ("train", "test"):
        assert [record["image"] for record in made[part]] == [f"{n:05d}.jpg" for n in range(1, 5)]
        for record, pose, model in zip(made[part], POSES, MODELS * 2, strict=True):
            assert {name: record[name] for name in FIELDS} == annotation(pose, model)


def test_the_refined_annotations_are_read_when_asked_for(prepared):
    folder = prepared / "finegrained-pose"
    made = json.loads((folder / "Anno3D/StanfordCars/annotations_refined.json").read_text())
    assert {record["theta"] for record in made["train"]} == {0.5}


def test_the_same_file_name_in_train_and_test_is_two_queries(prepared, cache):
    train, held_out, test = (load(prepared, cache, split) for split in ("train", "validation", "test"))
    assert test.keys == tuple(f"cars_test/{n:05d}.jpg" for n in range(1, 5))
    assert sorted(train.keys + held_out.keys) == [f"cars_train/{n:05d}.jpg" for n in range(1, 5)]
    middle = (slice(None), slice(None), SIZE // 2, SIZE // 2)
    assert (test.images[middle] > 150).all()
    assert (train.images[middle] < 80).all()


def test_all_cars_have_one_category_and_both_splits_search_the_same_models(prepared, cache):
    train, test = load(prepared, cache, "train"), load(prepared, cache, "test")
    assert train.class_names == ("car",)
    assert set(test.labels.tolist()) == {0}
    assert train.repository.keys == test.repository.keys == tuple(sorted(f"car/{model}" for model in MODELS))
    shown = [test.repository.keys[row].partition("/")[2] for row in test.shapes]
    assert shown == list(MODELS) * 2


def test_compcars_is_read_from_its_nested_folders(prepared, cache):
    test = load(prepared, cache, "test", CompCars3D)
    assert test.keys == tuple(f"image/78/{n}/2012/test{n}.jpg" for n in range(4))


@pytest.mark.parametrize("numbers", POSES)
@pytest.mark.parametrize("size", [(600, 400), (213, 160)])
def test_a_projected_mask_is_the_published_projection(numbers, size):
    pose = CarPose.of(annotation(numbers, "x"), where="")
    width, height = size
    box = ((-0.4, 0.3), (-0.1, 0.1), (-0.15, 0.12))
    mask = posed_mask(mesh(box), pose, width=width, height=height)
    scaled = int(height * (WIDTH / width))
    expected = hull(published_projection(corners(box), pose, scaled), width, height, width / WIDTH)
    assert mask.shape == (height, width)
    assert agreement(mask, expected) > 0.97


@pytest.mark.parametrize("numbers", POSES)
def test_the_photograph_and_the_view_at_its_azimuth_show_the_same_side_unmirrored(numbers):
    azimuth, elevation, _, distance, _, _, focal = numbers
    pose = CarPose(azimuth=azimuth, elevation=elevation, theta=0, distance=distance, u=0, v=0, f=focal)
    car = mesh(*CAR)
    photographed = posed_mask(car, pose, width=300, height=300)
    turn = np.radians(pose.library_azimuth)
    position = distance * np.array(
        [np.sin(turn) * np.cos(elevation), np.sin(elevation), np.cos(turn) * np.cos(elevation)]
    )
    camera = Camera(position=tuple(position.tolist()), field_of_view=2 * np.degrees(np.arctan(150 / focal)))
    library = in_library_frame(car, "shapenet_v1")
    options = RenderOptions(size=300, supersampling=1)
    rendered = render_views(library, (camera,), options=options).mask[0]
    assert agreement(photographed, rendered) > 0.97
    assert agreement(photographed, rendered[:, ::-1]) < 0.9


def test_a_car_looks_along_z_in_the_library_and_a_photograph_of_its_front_has_azimuth_0():
    library = in_library_frame(mesh(*CAR), "shapenet_v1")
    cabin, exhaust = library.vertices[8:16], library.vertices[16:24]
    assert cabin[:, 2].mean() < 0  # towards the rear
    assert exhaust[:, 2].max() <= library.vertices[:8, 2].min()
    front = CarPose(azimuth=np.pi / 2, elevation=0.1, theta=0.0, distance=1.0, u=0, v=0, f=300)
    assert front.library_azimuth == pytest.approx(0.0, abs=1e-9) or front.library_azimuth == pytest.approx(
        360.0
    )


def test_azimuths_are_90_degrees_minus_the_annotated_ones(prepared, cache):
    queries = load(prepared, cache, "test")
    expected = [(90 - np.degrees(numbers[0])) % 360 for numbers in POSES]
    np.testing.assert_allclose(queries.azimuths, expected, atol=1e-4)


def test_masks_are_read_from_files_laid_out_as_the_photographs(prepared, cache):
    folder = prepared / "finegrained-pose/masks"
    for part in ("train", "test"):
        for number in range(1, 5):
            write_picture(
                folder / f"cars_{part}/{number:05d}.png", disc(600, 400, centre=(300, 200), radius=80)
            )
    queries = load(prepared, cache, "test", masks="files", mask_folder="masks")
    assert (queries.masks[:, SIZE // 2, :] > 127).all()
    assert (queries.masks[:, 0, 0] == 0).all()


def test_without_masks_the_error_tells_how_to_get_them(prepared, cache):
    with pytest.raises(DataError, match="instance segmenter") as error:
        load(prepared, cache, "test", masks="files")
    assert "masks=projected" in str(error.value)
    assert "Segment_Final" in str(error.value)


def test_before_preparation_the_error_names_the_command(tree, tmp_path, cache):
    shutil.copytree(tree / "finegrained-pose/CAD", tmp_path / "finegrained-pose/CAD")
    with pytest.raises(DataError, match="anaglyph data prepare compcars3d"):
        load(tmp_path, cache, "test", CompCars3D)


def test_what_is_missing_is_counted_and_named_with_where_it_is_had(prepared, tmp_path, cache):
    folder = tmp_path / "finegrained-pose"
    shutil.copytree(prepared / "finegrained-pose", folder)
    (folder / "Image/CompCars/image/78/0/2012/train0.jpg").unlink()
    shutil.rmtree(folder / "CAD/02958343" / MODELS[0])
    with pytest.raises(DataError) as error:
        load(tmp_path, cache, "test", CompCars3D, check="strict")
    message = str(error.value)
    assert "4 train images instead of the published 3,798" in message
    assert "2 CAD models among the test images instead of the published 98" in message
    assert "3 fine classes instead of the published 113" in message
    assert "1 of 8 photographs are missing: Image/CompCars/image/78/0/2012/train0.jpg" in message
    assert f"1 of 2 CAD models are missing: CAD/02958343/{MODELS[0]}/model.obj" in message
    assert "mmlab.ie.cuhk.edu.hk" in message
    queries = load(tmp_path, cache, "test", CompCars3D)
    assert queries.repository.keys == (f"car/{MODELS[1]}",)
    assert queries.keys == ("image/78/1/2012/test1.jpg", "image/78/3/2012/test3.jpg")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"azimuth": float("nan")}, "azimuth=nan"),
        ({"f": -1.0}, "f=-1"),
        ({"distance": "far"}, "distance="),
        ({"model_id": "../../etc"}, "model_id="),
    ],
)
def test_a_pose_that_is_none_is_named_when_annotations_are_converted(tmp_path, change, named):
    record = {**annotation(POSES[0], MODELS[0]), **change}
    for part in ("train", "test"):
        path = tmp_path / f"Anno3D/CompCars/{part}_anno.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps({"a/b.jpg": record}, protocol=2))
    with pytest.raises(DataError, match=named) as error:
        convert_annotations(CompCars3D(), tmp_path)
    assert "a/b.jpg" in str(error.value)


@pytest.mark.parametrize("name", ["../x.jpg", "/x.jpg", "a\\x.jpg"])
def test_a_photograph_outside_the_folder_is_refused(tmp_path, name):
    for part in ("train", "test"):
        path = tmp_path / f"Anno3D/CompCars/{part}_anno.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps({name: annotation(POSES[0], MODELS[0])}, protocol=2))
    with pytest.raises(DataError, match="within the data set"):
        convert_annotations(CompCars3D(), tmp_path)


def test_an_id_keeps_its_31_characters(prepared, cache):
    assert f"car/{MODELS[0]}" in load(prepared, cache, "test").repository.keys
    assert len(MODELS[0]) == 31


def test_a_pose_far_outside_its_picture_is_a_data_error():
    pose = CarPose(azimuth=0, elevation=0, theta=0, distance=1, u=1e5, v=0, f=300)
    with pytest.raises(DataError, match="principal point"):
        posed_mask(mesh(CAR[0]), pose, width=300, height=200)
