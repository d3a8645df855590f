"""`anaglyph render`: folders of pictures, going on, names, and models that cannot be used."""

import json
import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from anaglyph.cli import run_listeners
from anaglyph.cli.render import render as command
from anaglyph.engine import render_files
from anaglyph.geometry.cameras import VIEWS
from anaglyph.geometry.load import MeshReaders
from anaglyph.io.coloured_clouds import open_clouds
from anaglyph.render.options import OUTPUTS, Backend
from model_files import names_below, pixels, states, write_broken, write_model
from scenes import box, turned

SMALL = ("--device", "cpu", "--size", "32")


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def warm_readers():
    with MeshReaders(2) as readers:
        yield readers


@pytest.fixture
def warm(monkeypatch, warm_readers):
    """Models are read by child processes that live as long as these tests: starting one takes a second."""
    monkeypatch.setattr(render_files, "MeshReaders", lambda processes: nullcontext(warm_readers))


@pytest.fixture
def render(anaglyph, warm):
    """Renders small pictures of one view on the CPU into `out`."""

    def run(*arguments, views="thumbnail"):
        return anaglyph("render", *arguments, "-o", "out", "--views", views, *SMALL)

    return run


def record(name):
    return json.loads(Path("out", name, "cameras.json").read_text())


def test_every_model_gets_a_folder_with_pictures_cameras_and_a_sheet(render):
    write_model(Path("kit/a.obj"))
    write_model(Path("kit/deep/b.off"))
    ran = render("kit", "--outputs", *OUTPUTS, "--points", "50", views="ring8")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("out: 2 rendered by ")
    pictures = [f"{output}_{view:03}.png" for output in OUTPUTS for view in range(8)]
    assert names_below(Path("out")) == sorted(
        f"{model}/{name}"
        for model in ("a.obj", "deep/b.off")
        for name in (*pictures, "cameras.json", "sheet.png", "points.ply")
    )
    assert pixels("out/a.obj/gray_000.png").shape == (32, 32)
    assert pixels("out/a.obj/colour_007.png").shape == (32, 32, 3)
    assert pixels("out/a.obj/sheet.png").shape == (2 * 32, 4 * 32, 3)
    views = record("a.obj")["views"]
    assert [view["azimuth"] for view in views] == [45.0 * step for step in range(8)]
    assert views[3]["files"]["depth"] == "depth_003.png"


def test_the_matrices_say_where_each_corner_is_in_the_picture(render):
    mesh = turned(box((-1.0, -0.5, -0.25), (1.0, 0.5, 0.25)), 25)
    write_model(Path("brick.obj"), mesh)
    assert render("brick.obj", views="ring8").code == 0
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    corners = mesh.vertices - (low + high) / 2
    corners = corners / np.linalg.norm(corners, axis=1).max()
    for view in record("brick.obj")["views"]:
        matrix, lens = np.array(view["world_to_camera"]), np.array(view["intrinsics"])
        x, y, z = (np.column_stack([corners, np.ones(8)]) @ matrix.T)[:, :3].T
        column, row, depth = lens @ np.stack([x, -y, -z])
        rows, columns = np.nonzero(pixels(f"out/brick.obj/{view['files']['mask']}"))
        assert columns.min() == pytest.approx((column / depth).min(), abs=1.0)
        assert columns.max() + 1 == pytest.approx((column / depth).max(), abs=1.0)
        assert rows.min() == pytest.approx((row / depth).min(), abs=1.0)
        assert rows.max() + 1 == pytest.approx((row / depth).max(), abs=1.0)


def test_depth_normals_and_colours_decode_to_what_the_record_says(render):
    write_model(Path("brick.ply"))
    assert render("brick.ply", "--outputs", *OUTPUTS, views="faces6").code == 0
    half = np.array([1.0, 0.5, 0.25]) / np.linalg.norm([1.0, 0.5, 0.25])
    made = record("brick.ply")
    towards = {0: (2, 1), 1: (0, 1), 2: (2, -1), 3: (0, -1), 4: (1, 1), 5: (1, -1)}
    for number, (axis, sign) in towards.items():
        view = made["views"][number]
        depth = pixels(f"out/brick.ply/{view['files']['depth']}")
        assert depth.dtype == np.uint16
        assert depth[0, 0] == made["depth"]["nothing"]
        distance = np.linalg.norm(view["position"])
        shown = depth[16, 16] * made["depth"]["model_units_per_step"]
        assert shown == pytest.approx(distance - half[axis], abs=1e-4)
        normal = pixels(f"out/brick.ply/{view['files']['normals']}")[16, 16] * 2.0 / 255 - 1
        np.testing.assert_allclose(normal, sign * np.eye(3)[axis], atol=0.01)
        colour = pixels(f"out/brick.ply/{view['files']['colour']}")[16, 16]
        np.testing.assert_allclose(colour, 0.94 * np.array([200, 30, 60]), atol=1.0)


def test_points_lie_on_the_normalised_surface_with_its_colours_whatever_the_other_models(render):
    write_model(Path("brick.ply"))
    write_model(Path("other.off"))
    assert render("brick.ply", "--points", "300").code == 0
    cloud = open_clouds(Path("out/brick.ply/points.ply")).cloud(None)
    half = np.array([1.0, 0.5, 0.25]) / np.linalg.norm([1.0, 0.5, 0.25])
    assert cloud.points.shape == (300, 3)
    assert (np.abs(np.abs(cloud.points) - half) < 1e-5).any(axis=1).all()
    assert (np.abs(cloud.points) <= half + 1e-5).all()
    np.testing.assert_allclose(cloud.colours * 255, np.tile([200, 30, 60], (300, 1)), atol=0.5)
    before = Path("out/brick.ply/points.ply").read_bytes()
    assert render("other.off", "brick.ply", "--points", "300", "--overwrite").code == 0
    assert Path("out/brick.ply/points.ply").read_bytes() == before


def test_up_z_stands_models_up(render):
    write_model(Path("brick.obj"), box((-0.2, -0.2, -1), (0.2, 0.2, 1)))
    heights = {}
    for up in ("y", "z"):
        assert render("brick.obj", "--up", up).code == 0
        rows, columns = np.nonzero(pixels("out/brick.obj/mask_000.png"))
        heights[up] = np.ptp(rows) / np.ptp(columns)
    assert heights["y"] < 1.0 < 2.0 < heights["z"]


def test_what_is_there_stays_until_its_content_or_a_setting_changes(render):
    write_model(Path("kit/a.obj"))
    write_model(Path("kit/b.obj"))
    assert render("kit", "--json").data["rendered"] == ["a.obj", "b.obj"]
    before = states(Path("out"))
    again = render("kit", "--json")
    assert (again.code, again.data["rendered"], again.data["there_already"]) == (0, [], ["a.obj", "b.obj"])
    assert states(Path("out")) == before
    write_model(Path("kit/b.obj"), box((-1, -1, -1), (1, 1, 1)))
    assert render("kit", "--json").data["rendered"] == ["b.obj"]
    assert render("kit", "--outputs", "gray", "--json").data["rendered"] == ["a.obj", "b.obj"]
    assert names_below(Path("out/a.obj")) == ["cameras.json", "gray_000.png", "sheet.png"]
    assert render("kit", "--outputs", "gray", "--overwrite", "--json").data["rendered"] == ["a.obj", "b.obj"]


@pytest.mark.parametrize("damage", ["cut", "removed", "record"])
def test_damaged_pictures_are_made_again(render, damage):
    write_model(Path("a.obj"))
    assert render("a.obj").code == 0
    whole = {name: Path("out/a.obj", name).read_bytes() for name in names_below(Path("out/a.obj"))}
    if damage == "cut":
        Path("out/a.obj/mask_000.png").write_bytes(whole["mask_000.png"][:-9])
    elif damage == "removed":
        Path("out/a.obj/gray_000.png").unlink()
    else:
        described = record("a.obj")
        described["files"] = 7
        Path("out/a.obj/cameras.json").write_text(json.dumps(described))
    assert render("a.obj", "--json").data["rendered"] == ["a.obj"]
    assert {name: Path("out/a.obj", name).read_bytes() for name in names_below(Path("out/a.obj"))} == whole


def test_what_a_killed_run_left_is_cleaned_up_but_not_what_another_run_is_writing(render):
    write_model(Path("kit/deep/a.obj"))
    for name in (".a.obj.0123456789ab.partial", ".other.obj.0123456789ab.partial"):
        Path("out/deep", name).mkdir(parents=True)
        Path("out/deep", name, "gray_000.png").write_bytes(b"half")
    assert render("kit").code == 0
    there = sorted(path.name for path in Path("out/deep").iterdir())
    assert there == [".other.obj.0123456789ab.partial", "a.obj"]


def test_bad_models_are_listed_with_their_reasons_and_stop_nothing(render):
    write_model(Path("kit/good.obj"))
    write_broken(Path("kit/broken.obj"))
    Path("kit/empty.stl").write_bytes(b"")
    Path("kit/flat.obj").write_text("v 1 1 1\nf 1 1 1\n")
    Path("kit/notes.txt").write_text("no model")
    write_model(Path("kit/last.off"))
    ran = render("kit", "kit/notes.txt", "--json")
    assert ran.code == 1
    assert ran.data["rendered"] == ["kit/good.obj", "kit/last.off"]
    reasons = {Path(each["file"]).name: each["reason"] for each in ran.data["failed"]}
    assert sorted(reasons) == ["broken.obj", "empty.stl", "flat.obj", "notes.txt"]
    assert "the file is empty" in reasons["empty.stl"]
    assert "no 3D format '.txt'" in reasons["notes.txt"]
    assert "Traceback" not in ran.err
    shown = render("kit")
    assert shown.out == f"out: 2 rendered by {record('good.obj')['backend']}, 3 could not be used.\n"
    assert "kit/empty.stl: the file is empty" in shown.err


def test_models_of_one_name_in_several_formats_and_folders_keep_apart(render):
    for name in ("one/a.obj", "one/a.off", "two/a.obj", "two/sub/a.obj"):
        write_model(Path(name))
    ran = render("one", "two", "--json")
    assert ran.code == 0
    assert ran.data["rendered"] == ["one/a.obj", "one/a.off", "two/a.obj", "two/sub/a.obj"]
    again = render("one/a.obj", "two/a.obj", "--json")
    assert (again.code, len(set(again.data["rendered"]))) == (0, 2)
    assert all(name.startswith("a.obj-") for name in again.data["rendered"])


def test_odd_names_become_folders_of_the_output_alone(render):
    names = [
        "Stühle 椅子 🪑.obj",
        "...obj",
        "a b;c'd\".obj",
        "-x.obj",
        "x" * 240 + ".obj",
        "ü" * 120 + ".obj",
    ]
    for name in names:
        write_model(Path("kit", name))
    write_model(Path("kit/inner/.hidden/no.obj"))
    given = [f"kit/{name}" for name in names]
    ran = render(*given, "kit/inner", "--json")
    assert ran.code == 0, ran.err
    assert len(set(ran.data["rendered"])) == len(names)
    for name in names[:4]:
        assert Path("out", name, "gray_000.png").is_file()
    assert sorted(path.name for path in Path().iterdir()) == ["kit", "out"]
    from_above = render("kit/inner/../../kit/-x.obj", "--json")
    assert from_above.data["there_already"] == ["-x.obj"]


def test_a_name_that_is_not_utf_8_is_refused_alone(render):
    odd = os.fsdecode(b"\xff.obj")
    try:
        write_model(Path("kit", odd))
    except OSError:
        pytest.skip("this file system takes no such name")
    write_model(Path("kit/a.obj"))
    ran = render("kit", "--json")
    assert (ran.code, ran.data["rendered"]) == (1, ["a.obj"])
    assert "not UTF-8" in ran.data["failed"][0]["reason"]


def test_links_out_of_a_folder_and_the_output_itself_are_not_searched(render):
    write_model(Path("outside/a.obj"))
    write_model(Path("kit/b.obj"))
    Path("kit/link.obj").symlink_to(Path("outside/a.obj").resolve())
    Path("kit/again.obj").symlink_to(Path("kit/b.obj").resolve())
    assert render("kit", "--json").data["rendered"] == ["b.obj"]  # by its own name, not by the link's
    write_model(Path("out/b.obj/c.obj"))
    assert render(".", "--json").data["rendered"] == ["kit/b.obj", "outside/a.obj"]


def test_folders_of_others_are_left_alone(render):
    write_model(Path("a.obj"))
    write_model(Path("b.obj"))
    Path("out/a.obj").mkdir(parents=True)
    Path("out/a.obj/precious.txt").write_text("mine")
    ran = render("a.obj", "b.obj", "--overwrite", "--json")
    assert (ran.code, ran.data["rendered"]) == (1, ["b.obj"])
    assert "was not written by `anaglyph render`; choose another --output" in ran.data["failed"][0]["reason"]
    assert names_below(Path("out/a.obj")) == ["precious.txt"]


def test_several_processes_make_the_same_files(render, monkeypatch):
    monkeypatch.setattr(render_files, "MeshReaders", MeshReaders)
    for number in range(5):
        write_model(Path(f"kit/{number}.obj"), turned(box((-1, -0.5, -0.2), (1, 0.5, 0.2)), 10 * number))
    made = []
    for processes in ("1", "3"):
        assert render("kit", "--processes", processes, "--points", "20", "--overwrite").code == 0
        made.append({name: Path("out", name).read_bytes() for name in names_below(Path("out"))})
    assert made[0] == made[1]


def test_ctrl_c_finishes_what_is_in_work_and_the_same_command_goes_on(render, monkeypatch):
    for number in range(6):
        write_model(Path(f"kit/{number}.obj"))
    whole = run_listeners.RenderListener.__call__

    def interrupted(self, event):
        whole(self, event)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(run_listeners.RenderListener, "__call__", interrupted)
        stopped = render("kit", "--processes", "1")
    assert stopped.code == 1
    assert "anaglyph: stopped after 1 of 6. Go on with the same command." in stopped.err
    assert names_below(Path("out")) == [f"0.obj/{name}" for name in names_below(Path("out/0.obj"))]
    ran = render("kit", "--json")
    assert (ran.code, ran.data["there_already"], len(ran.data["rendered"])) == (0, ["0.obj"], 5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "nothing to render"),
        (("gone.obj",), "no file, folder or pattern 'gone.obj'"),
        (("a.obj", "--size", "0"), "size and supersampling must be >= 1, got 0"),
        (("a.obj", "--size", "100000"), "must be at most"),
        (("a.obj", "--processes", "0"), "processes must be >= 1, got 0"),
        (("a.obj", "--points", "-1"), "points must be >= 0, got -1"),
        (("a.obj", "--elevation", "95"), "elevation must lie between -90 and 90"),
        (("a.obj", "--device", "gpu"), "no device 'gpu'"),
        (("a.obj", "-o", "a.obj"), "is a file"),
    ],
)
def test_a_mistake_is_one_line_with_the_way_out(anaglyph, arguments, sentence):
    write_model(Path("a.obj"))
    ran = anaglyph("render", *arguments)
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert sentence in ran.err
    assert not Path("pictures").exists()


def test_nothing_found_ends_with_one(render):
    Path("kit").mkdir()
    ran = render("kit")
    assert (ran.code, ran.err) == (1, "no 3D model in kit.\n")
    write_model(Path("out/a.obj/a.obj"))
    ran = render("out/a.obj")
    assert ran.code == 1
    assert ran.err == "no 3D model in out/a.obj; the output folder 'out' is not searched.\n"


def test_the_output_may_lie_in_a_folder_of_models_but_not_be_it(anaglyph, warm):
    write_model(Path("kit/a.obj"))
    for output in ("kit", "./kit/", "kit/../kit"):
        ran = anaglyph("render", "kit", "-o", output, *SMALL)
        assert ran.code == 2
        assert "is the folder of the models" in ran.err
        assert "kit/pictures'" in ran.err
    assert names_below(Path("kit")) == ["a.obj"]
    assert anaglyph("render", "kit", "-o", "kit/pictures", "--views", "thumbnail", *SMALL).code == 0
    assert Path("kit/pictures/a.obj/cameras.json").is_file()


@pytest.mark.parametrize("output", ["a.obj", "a.obj/deeper/still"])
def test_an_output_that_is_a_file_is_named(anaglyph, output):
    write_model(Path("a.obj"))
    before = Path("a.obj").read_bytes()
    ran = anaglyph("render", "a.obj", "-o", output, *SMALL)
    assert ran.code == 2
    assert f"the output '{output}' needs a folder where 'a.obj' is a file; choose another" in ran.err
    assert Path("a.obj").read_bytes() == before


def test_a_link_to_a_model_elsewhere_is_followed_where_it_is_named(render):
    write_model(Path("elsewhere/a.obj"))
    Path("sub").mkdir()
    Path("sub/link.obj").symlink_to(Path("elsewhere/a.obj").resolve())
    for name in ("sub/link.obj", "sub/*.obj"):
        ran = render(name, "--overwrite", "--json")
        assert (ran.code, ran.data["rendered"]) == (0, ["link.obj"])
    assert render("sub").code == 1  # a folder keeps to itself


def test_the_choices_of_the_command_are_those_of_the_library():
    hints = get_type_hints(command)
    assert get_args(hints["views"]) == VIEWS
    assert get_args(get_args(hints["outputs"])[0]) == OUTPUTS
    assert get_args(hints["backend"]) == get_args(Backend)


def test_progress_is_lines_when_piped_and_nothing_with_json(render):
    for number in range(3):
        write_model(Path(f"kit/{number}.obj"))
    assert "3 of 3 files" in render("kit").err
    assert render("kit", "--overwrite", "--json").err == ""
