"""`anaglyph doctor MODEL` as a function; other tests call it through the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from anaglyph.cli import doctor_model as module
from anaglyph.cli.doctor_model import doctor_model
from anaglyph.cli.half_blocks import half_blocks
from anaglyph.errors import ConfigError, MeshError

RED_BOX = """v 0 0 0 1 0 0
v 2 0 0 1 0 0
v 0 1 0 1 0 0
v 0 0 1 1 0 0
f 1 3 2
f 1 2 4
f 1 4 3
f 2 3 4
"""
FAR = RED_BOX + "v 500 0 0\nv 500.1 0 0\nv 500 0.1 0\nf 5 6 7\n"


@pytest.fixture
def model(tmp_path):
    def write(text=RED_BOX, name="corner.obj"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_json_says_all_there_is(model, capsys):
    path = model()
    assert doctor_model(path, json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["path"], found["format"], found["up"], found["bytes"]) == (
        str(path),
        "obj",
        "y",
        len(RED_BOX),
    )
    assert found["facets"]["faces"] == 4
    assert found["facets"]["size"] == [2, 1, 1]
    assert found["facets"]["volume"] == pytest.approx(1 / 3)
    assert (found["problems"], found["picture"]) == ([], None)


def test_up_is_asked_for(model, capsys):
    doctor_model(model(), up="z", json=True)
    assert json.loads(capsys.readouterr().out)["up"] == "z"


def test_a_pipe_gets_plain_lines_and_a_word_about_the_picture(model, capsys):
    assert doctor_model(model()) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "▀" not in out
    assert "2 wide, 1 high, 1 deep" in out
    assert "Nothing is wrong with it." in out
    assert "--picture FILE.png writes a picture of it." in out


def test_a_serious_problem_is_the_exit_code_and_comes_first(model, capsys):
    assert doctor_model(model(FAR)) == 1
    lines = capsys.readouterr().out.splitlines()
    problems = [line for line in lines if line.startswith(("serious", "warning", "note"))]
    assert problems[0].startswith("serious  Nothing lies in")
    assert len(problems) > 1
    assert doctor_model(model(FAR), json=True) == 1
    codes = [problem["code"] for problem in json.loads(capsys.readouterr().out)["problems"]]
    assert codes[0] == "far_parts"


def test_the_picture_shows_the_model_on_white(model, tmp_path, capsys):
    path = tmp_path / "new" / "corner.png"
    assert doctor_model(model(), picture=path) == 0
    assert f"Picture: {path}" in capsys.readouterr().out
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (512, 512, 3)
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    red = (pixels[..., 0] > 60) & (pixels[..., 1] < 10)
    assert red.mean() > 0.1


def test_a_picture_that_is_no_png_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError, match=r"does not end in \.png; rename it"):
        doctor_model(tmp_path / "absent.obj", picture=tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("text", "name"), [("solid", "a.stl"), ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "a.obj"), ("x", "a.txt")]
)
def test_what_cannot_be_read_is_one_error(model, text, name):
    with pytest.raises(MeshError, match=name):
        doctor_model(model(text, name))


def test_the_broken_real_file_is_named(shared_data):
    with pytest.raises(MeshError, match="popsicle-chocolate"):
        doctor_model(shared_data / "format_samples/draco_gltf/popsicle-chocolate.gltf")


def test_a_real_textured_model_finds_its_textures_where_they_may_lie(shared_data, capsys):
    folder = next((shared_data / "shapenet_sample/bench").glob("a047*"))
    path = folder / "models/model_normalized.obj"
    assert doctor_model(path, json=True, root=folder) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["facets"]["textures"] == 2
    assert not [problem for problem in found["problems"] if problem["code"] == "reader"]


def test_names_in_files_cannot_steer_the_terminal(model, capsys):
    path = model(RED_BOX, "a\x1b[31mb.obj")
    doctor_model(path)
    assert "\x1b" not in capsys.readouterr().out


def test_a_terminal_gets_a_thumbnail_in_the_colours_of_the_model(model):
    text = module._thumbnail(module.examine(model()), most=40)
    lines = text.plain.split("\n")
    assert 5 < len(lines) <= 20
    assert {len(line) for line in lines} == {max(len(line) for line in lines)}
    colours = {span.style.color.triplet for span in text.spans if span.style.color}
    assert all(
        colour.green <= 2 and colour.blue <= 2 for colour in colours
    )  # no white from behind at its edge
    assert max(colour.red for colour in colours) > 100


def test_torch_is_not_imported_unless_something_is_drawn(model):
    program = (
        "import sys; from pathlib import Path; from anaglyph.cli.doctor_model import doctor_model\n"
        f"doctor_model(Path({str(model())!r}), json=True); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


def test_two_pixels_share_a_character():
    red, green = (255, 0, 0), (0, 255, 0)
    picture = np.array([[red, red, red, red], [green, green, green, green]], np.uint8)
    covered = np.array([[True, True, False, False], [True, False, True, False]])
    assert half_blocks(picture, covered).plain == "▀▀▄ "
    console = Console(force_terminal=True, color_system="truecolor", width=20)
    with console.capture() as shown:
        console.print(half_blocks(picture, covered))
    assert shown.get() == (
        "\x1b[38;2;255;0;0;48;2;0;255;0m▀\x1b[0m\x1b[38;2;255;0;0m▀\x1b[0m\x1b[38;2;0;255;0m▄\x1b[0m \n"
    )


def test_an_odd_number_of_rows_ends_in_upper_halves():
    picture = np.zeros((3, 2, 3), np.uint8)
    assert half_blocks(picture, np.ones((3, 2), dtype=bool)).plain == "▀▀\n▀▀"
