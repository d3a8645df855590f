"""The process around the parsers: limits from inside, the clock from outside, and nothing left behind."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anaglyph.errors import AnaglyphError, MeshError
from anaglyph.geometry import mesh_channel
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh_limits import MeshLimits
from anaglyph.geometry.sandbox import Sandbox, SandboxError
from hostile.mesh_samples import obj, ply

ODD_CHILD = """
import os, sys, time
from anaglyph.geometry.confinement import allow_seconds, confine
from anaglyph.geometry.mesh_channel import receive_header, send, standard_channel
requests, answers = standard_channel()
confine(memory_bytes=1 << 30)
while True:
    request = receive_header(requests)
    do = request.get("do", "answer")
    if do == "sleep":
        time.sleep(60)
    elif do == "spin":
        allow_seconds(0.1)
        while True:
            pass
    elif do == "crash":
        os.kill(os.getpid(), 11)
    elif do == "leave":
        os._exit(3)
    elif do == "nonsense":
        os.write(answers.fileno(), b"\\xff" * 64)
    elif do == "not json":
        os.write(answers.fileno(), (4).to_bytes(8, "little") + b"nope")
    elif do == "half":
        os.write(answers.fileno(), (100).to_bytes(8, "little") + b"{")
        os._exit(0)
    elif do == "print":
        print("this must not reach the channel"); sys.stdout.flush(); os.write(1, b"nor this")
    elif do == "allocate":
        try:
            bytearray(2 << 30)
        except MemoryError:
            send(answers, {"answer": "refused"})
            continue
    elif do == "write":
        try:
            with open(request["path"], "wb") as file:
                file.write(b"x" * 100)
        except OSError as error:
            send(answers, {"answer": error.strerror})
            continue
    elif do == "environment":
        send(answers, {"answer": dict(os.environ), "folder": os.getcwd(), "path": sys.path})
        continue
    send(answers, {"answer": do})
"""


@pytest.fixture
def child(tmp_path, monkeypatch):
    """A sandbox around a child that does what it is told."""
    (tmp_path / "odd_child.py").write_text(ODD_CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Sandbox("odd_child") as sandbox:
        yield sandbox


def ask(sandbox, do="answer", seconds=20.0, **more):
    return sandbox.ask({"do": do, **more}, lambda _stream, header: header["answer"], seconds=seconds)


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("sleep", "took longer than 0.3 seconds"),
        ("crash", "crashed .SIGSEGV."),
        ("leave", "exit code 3"),
        ("nonsense", "nonsense"),
        ("not json", "nonsense"),
        ("half", "without an answer"),
    ],
)
def test_a_child_that_fails_says_why_and_is_replaced(child, do, reason):
    assert ask(child) == "answer"
    first = child.pid
    with pytest.raises(SandboxError, match=reason) as caught:
        ask(child, do, seconds=0.3 if do == "sleep" else 20.0)
    assert caught.value.overdue == (do == "sleep")
    assert child.pid is None
    assert not Path(f"/proc/{first}").exists()
    assert ask(child) == "answer"
    assert child.pid != first


def test_a_child_that_computes_for_too_long_is_stopped_without_its_parent(child):
    start = time.monotonic()
    with pytest.raises(SandboxError, match="computing time"):
        ask(child, "spin", seconds=60.0)
    assert time.monotonic() - start < 30


def test_what_a_library_prints_does_not_reach_the_channel(child):
    assert ask(child, "print") == "print"
    assert ask(child) == "answer"


def test_a_child_has_a_bounded_memory_and_may_write_no_file(child, tmp_path):
    assert ask(child, "allocate") == "refused"
    assert "too large" in ask(child, "write", path=str(tmp_path / "written"))
    assert not (tmp_path / "written").exists() or (tmp_path / "written").stat().st_size == 0


def test_a_child_sees_neither_secrets_nor_the_current_folder(child, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("OMP_NUM_THREADS", "32")
    seen = child.ask({"do": "environment"}, lambda _stream, header: header, seconds=20.0)
    assert "SECRET_TOKEN" not in seen["answer"]
    assert seen["answer"]["OMP_NUM_THREADS"] == seen["answer"]["OPENBLAS_NUM_THREADS"] == "1"
    assert seen["folder"] == "/"
    assert "" not in seen["path"]
    assert "/" not in seen["path"]


def test_ctrl_c_leaves_no_child_behind_and_no_half_message(child):
    assert ask(child) == "answer"
    first = child.pid

    def interrupted(_stream, _header):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        child.ask({"do": "answer"}, interrupted, seconds=20.0)
    assert not Path(f"/proc/{first}").exists()
    assert ask(child) == "answer"


def test_a_child_that_cannot_start_is_not_the_fault_of_a_file():
    with Sandbox("anaglyph.no_such_module") as sandbox:
        with pytest.raises(AnaglyphError, match=r"did not start.*Run '"):
            ask(sandbox)
        assert sandbox.pid is None


def test_a_file_that_takes_too_long_is_stopped_and_the_next_one_is_read(tmp_path):
    rows = b"\x03" + bytes(12) + b"\x04" + bytes(16)  # of different lengths: read row by row
    head = ply("binary_little_endian", quads=[], counts=(8, 2_000_000))
    (tmp_path / "slow.ply").write_bytes(head + 1_000_000 * rows)
    (tmp_path / "next.obj").write_bytes(obj())
    with MeshReaders(limits=MeshLimits(seconds=1.0)) as readers:
        start = time.monotonic()
        with pytest.raises(MeshError, match="longer than 1 seconds"):
            readers.load(tmp_path / "slow.ply")
        assert time.monotonic() - start < 10
        assert len(readers.load(tmp_path / "next.obj").faces) == 12


def test_a_file_that_takes_too_much_memory_is_refused_and_the_next_one_is_read(tmp_path):
    (tmp_path / "large.obj").write_bytes(b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf " + b"10 " * 6_000_000)
    (tmp_path / "next.obj").write_bytes(obj())
    with MeshReaders(limits=MeshLimits(memory_bytes=400 << 20)) as readers:
        with pytest.raises(MeshError, match="more than 419430400 bytes of memory"):
            readers.load(tmp_path / "large.obj")
        assert len(readers.load(tmp_path / "next.obj").faces) == 12


def test_limits_hold_in_the_process_that_reads(tmp_path):
    (tmp_path / "box.obj").write_bytes(obj())
    with MeshReaders(limits=MeshLimits(memory_bytes=1 << 30)) as readers:
        readers.load(tmp_path / "box.obj")
        text = Path(f"/proc/{readers._pool.sandboxes[0].pid}/limits").read_text()
    bounds = {line[:25].strip(): line[25:].split() for line in text.splitlines()}
    assert bounds["Max address space"][:2] == [str(1 << 30)] * 2
    assert bounds["Max file size"][:2] == ["0", "0"]
    assert bounds["Max core file size"][:2] == ["0", "0"]
    assert int(bounds["Max open files"][0]) == 64
    assert int(bounds["Max cpu time"][0]) <= 60 + 10


def test_many_files_leave_neither_descriptors_nor_zombies(tmp_path):
    (tmp_path / "box.obj").write_bytes(obj())
    (tmp_path / "bad.obj").write_bytes(b"v")
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not used
    for _ in range(2):
        with MeshReaders(2) as readers:
            list(readers.load_many([tmp_path / "box.obj", tmp_path / "bad.obj"] * 3))
            os.kill(readers._pool.sandboxes[0].pid or readers._pool.sandboxes[1].pid, 9)
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    zombies = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "stat="], capture_output=True, text=True, check=False
    )
    assert "Z" not in zombies.stdout


def test_a_message_beyond_its_bound_is_not_allocated(tmp_path):
    (tmp_path / "message").write_bytes((1 << 62).to_bytes(8, "little"))
    with (
        (tmp_path / "message").open("rb") as stream,
        pytest.raises(mesh_channel.ChannelError, match="announced"),
    ):
        mesh_channel.receive_header(stream)


@pytest.mark.parametrize(
    "change",
    [
        {"arrays": {"vertices": [10**12, 3], "faces": [1, 3]}},
        {"arrays": {"vertices": [3, 4], "faces": [1, 3]}},
        {"arrays": {"vertices": [-1, 3], "faces": [1, 3]}},
        {"arrays": {"vertices": [3.0, 3], "faces": [1, 3]}},
        {"arrays": {"vertices": [3, 3], "faces": [1, 3], "__class__": [1]}},
        {"arrays": {"vertices": [3, 3]}},
        {"arrays": []},
        {"textures": [[50_000, 50_000, 3]], "materials": [{"name": "", "colour": [1, 1, 1], "texture": 0}]},
        {"textures": [[2, 2, 4]], "materials": [{"name": "", "colour": [1, 1, 1], "texture": 0}]},
        {"textures": [[1, 1, 3]]},
        {"materials": [{"name": "", "colour": [1, 1, 7], "texture": None}]},
        {"materials": [{"name": "", "colour": [1, 1], "texture": None}]},
        {"materials": [{"name": "", "colour": [10**400, 0, 0], "texture": None}]},
        {"materials": [{"name": "", "colour": [1, 1, 1], "texture": 3}]},
        {"materials": None},
        {"up": "x"},
        {"notes": None},
    ],
)
def test_a_mesh_that_no_honest_child_would_send_is_refused(tmp_path, change):
    header = {
        "arrays": {"vertices": [3, 3], "faces": [1, 3]},
        "materials": [],
        "textures": [],
        "up": "y",
        "notes": [],
    }
    (tmp_path / "arrays").write_bytes(bytes(1 << 16))
    with (tmp_path / "arrays").open("rb") as stream, pytest.raises(mesh_channel.ChannelError):
        mesh_channel.receive_mesh(stream, {**header, **change}, MeshLimits())
    with (tmp_path / "arrays").open("rb") as stream:
        assert mesh_channel.receive_mesh(stream, header, MeshLimits()).faces.shape == (1, 3)


def test_a_limit_of_the_system_below_ours_is_kept(tmp_path):
    (tmp_path / "box.obj").write_bytes(obj())
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "from anaglyph.geometry.load import load_mesh; print(len(load_mesh(sys.argv[1]).faces))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "box.obj"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "12"
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 2 << 30


READ_ONE = """
import signal, sys, time
from anaglyph.geometry.load import load_mesh
signal.signal(signal.SIGINT, lambda *_: None)  # as a program does that ends in its own time
print("ready", flush=True)
print(len(load_mesh(sys.argv[1]).faces))
"""


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.1, 0.4])
def test_ctrl_c_while_a_child_starts_is_the_callers_alone(tmp_path, delay):
    (tmp_path / "box.obj").write_bytes(obj())
    program = subprocess.Popen(
        [sys.executable, "-c", READ_ONE, tmp_path / "box.obj"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert program.stdout.readline() == "ready\n"
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children")
    for _ in range(1000):
        if children.read_text().strip():
            break
        time.sleep(0.005)
    time.sleep(delay)
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (out, err, program.returncode) == ("12\n", "", 0)


@pytest.mark.parametrize("text", [b"[" + b"[]," * 20_000 + b"[]]", b" " * (3 << 20)])
def test_a_header_that_would_take_much_memory_is_not_parsed(tmp_path, text):
    (tmp_path / "message").write_bytes(len(text).to_bytes(8, "little") + text)
    refused = pytest.raises(mesh_channel.ChannelError, match=r"lists|at most")
    with (tmp_path / "message").open("rb") as stream, refused:
        mesh_channel.receive_header(stream)


def test_as_many_materials_as_the_limit_allows_pass(tmp_path):
    names = [chr(0x1F600) * 50 + str(n) for n in range(20_000)]
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\n" + "".join(f"usemtl {name}\nf 1 2 3\n" for name in names)
    (tmp_path / "many.obj").write_text(text)
    with MeshReaders(limits=MeshLimits(materials=20_000)) as readers:
        assert len(readers.load(tmp_path / "many.obj").materials) == 20_000


def test_a_child_is_not_replaced_for_the_memory_of_its_parent(tmp_path):
    (tmp_path / "box.obj").write_bytes(obj())
    held = bytearray(os.urandom(1 << 20)) * 1100  # more than a child may have held
    with MeshReaders() as readers:
        readers.load(tmp_path / "box.obj")
        assert readers._pool.sandboxes[0].pid is not None
    assert len(held) > 1 << 30
