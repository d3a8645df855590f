"""Names by which models refer to files: what is inside the root, and what is refused and how."""

import os
import threading

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


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_takes_the_place_of_a_checked_file_is_not_followed(tmp_path, what):
    root = (tmp_path / "in").resolve()
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "numbers").write_bytes(b"fine")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "numbers").write_bytes(b"SECRET")
    (root / "link").symlink_to("../../secret/numbers" if what == "file" else "../secret")
    (root / "link").rename(root / "sub" / "link") if what == "file" else None
    if what == "file":
        places = [(root / "sub" / "numbers", root / "sub" / "link")]
    else:
        places = [(root / "sub", root / "link")]
    stop = threading.Event()

    def swap():
        aside = root / "aside"
        while not stop.is_set():
            for honest, link in places:
                honest.rename(aside)
                link.rename(honest)
                honest.rename(link)
                aside.rename(honest)

    thread = threading.Thread(target=swap)
    thread.start()
    read = set()
    try:
        for _ in range(3000):
            data = Folder(root / "model.obj", root, MeshLimits()).optional("sub/numbers", what="buffer")
            read.add(data)
    finally:
        stop.set()
        thread.join()
    assert b"SECRET" not in read
    assert b"fine" in read


def test_a_link_in_place_of_a_resolved_file_is_refused(tmp_path):
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "real").write_bytes(b"x")
    (tmp_path / "way").symlink_to("folder")
    for place in ("link", "way/real"):
        with pytest.raises(OSError, match=r"links|Not a directory"):
            read_regular_file(tmp_path / place, most=10, root=tmp_path)
    assert read_regular_file(tmp_path / "folder" / "real", most=1, root=tmp_path) == b"x"
