"""Names by which models refer to files: what is inside the root, and what is refused and how."""

import os

import pytest

from anaglyph.errors import MeshError
from anaglyph.geometry.mesh_files import Folder, ReferenceRefusedError, check_reference, read_regular_file
from anaglyph.geometry.mesh_limits import MeshLimits


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a b.png").write_bytes(b"inside")
    (tmp_path / "in" / "sub" / "c.png").write_bytes(b"deeper")
    (tmp_path / "in" / "50%.png").write_bytes(b"percent")
    (tmp_path / "out.png").write_bytes(b"outside")
    (tmp_path / "in" / "link.png").symlink_to("../out.png")
    (tmp_path / "in" / "inner.png").symlink_to("sub/c.png")
    (tmp_path / "in" / "loop.png").symlink_to("loop.png")
    root = (tmp_path / "in").resolve()
    return Folder(root / "model.obj", root, MeshLimits())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a b.png", b"inside"),
        ("a%20b.png", b"inside"),
        ("./a b.png", b"inside"),
        ("sub/../a b.png", b"inside"),
        ("sub/c.png", b"deeper"),
        ("sub\\c.png", b"deeper"),
        ("inner.png", b"deeper"),
        ("50%.png", b"percent"),
        ("  sub/c.png ", b"deeper"),
    ],
)
def test_names_inside_the_root_are_read(folder, name, content):
    assert folder.optional(name, what="texture") == content
    assert folder.required(name) == content
    assert folder.notes == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../out.png", "outside the folder"),
        ("sub/../../out.png", "outside the folder"),
        ("..\\out.png", "outside the folder"),
        ("%2e%2e/out.png", "outside the folder"),
        ("link.png", "outside the folder"),
        ("loop.png", "cannot be resolved|cannot be read"),
        ("/etc/passwd", "absolute"),
        ("\\\\server\\share", "absolute"),
        ("C:\\a.png", "absolute"),
        ("C:a.png", "absolute"),
        ("%2fetc/passwd", "absolute"),
        ("~/a.png", "absolute"),
        ("file:///etc/passwd", "address"),
        ("http://example.org/a.png", "address"),
        ("data:image/png;base64,AAAA", "address"),
        ("a\0.png", "no file name"),
        ("a\n.png", "no file name"),
        ("", "no file name"),
        ("nothing.png", "not there"),
        ("sub", "a folder, not a file"),
        ("x" * 300, "cannot be read"),
    ],
)
def test_names_that_are_refused_are_named_with_the_reason(folder, name, why):
    assert folder.optional(name, what="texture") is None
    assert len(folder.notes) == 1
    with pytest.raises(MeshError, match=why):
        folder.required(name)
    with pytest.raises(AssertionError):
        assert "\n" in folder.notes[0]


def test_a_larger_root_lets_a_model_reach_its_neighbours(folder, tmp_path):
    wide = Folder(folder.model, tmp_path.resolve(), MeshLimits())
    assert wide.required("../out.png") == b"outside"


def test_a_refused_name_says_how_to_allow_it(folder):
    with pytest.raises(ReferenceRefusedError, match="pass root="):
        folder.locate("../out.png")


def test_plain_names_need_no_file_system():
    check_reference("textures/wood.png")
    with pytest.raises(ReferenceRefusedError):
        check_reference("https://example.org/x")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="a pipe, not a file"):
        read_regular_file(tmp_path / "pipe", most=10)


def test_devices_are_not_read():
    from pathlib import Path

    with pytest.raises(ValueError, match="a device, not a file"):
        read_regular_file(Path("/dev/zero"), most=10)
