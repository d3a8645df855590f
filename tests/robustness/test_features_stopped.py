"""`anaglyph features compute` stopped in a real process, at every write: the same command ends the same."""

import signal

import pytest

from tower_files import save_dual

COMPUTE = "anaglyph.engine.feature_job:compute_shard"
DATA = [
    "data.options.train=66", "data.options.size=8", "data.options.views=ring8", "data.options.points=8",
    "data.options.stored_points=8", "data.options.categories=[bowl,plate]", "towers.templates=plain",
]  # fmt: skip


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Towers over 66 objects: parts of 64 and 2."""
    dual = save_dual(tmp_path_factory.mktemp("dual") / "dual.safetensors")

    def run(output):
        return [
            "features", "compute", "procedural_models", "--image-tower", f"dual:{dual}", "--text-tower",
            f"dual:{dual}", "--splits", "train", "--device", "cpu", "-o", str(output), "--set", *DATA,
        ]  # fmt: skip

    return run


def made(output):
    return {
        path.relative_to(output): path.read_bytes() for path in sorted(output.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(server, command, tmp_path_factory):
    """What an undisturbed run leaves."""
    output = tmp_path_factory.mktemp("whole") / "features"
    child = server.start(command(output))
    assert child.wait() == 0, child.text()
    return made(output)


@pytest.mark.slow
def test_killed_before_every_single_write_a_run_goes_on_to_the_same_bytes(server, command, whole, tmp_path):
    point, code = 0, None
    while code != 0:
        point += 1
        output = tmp_path / str(point)
        child = server.start(command(output), inside=COMPUTE, call=1, point=point)
        code = child.wait()
        if code != 0:
            assert code == -signal.SIGKILL, child.text()
            child = server.start(command(output))
            assert child.wait() == 0, child.text()
        assert made(output) == whole
    assert point > 20  # a run has more writes than that, and none is missed


def test_killed_after_a_part_a_run_takes_that_part_and_ends_with_the_same_bytes(
    server, command, whole, tmp_path
):
    child = server.start(
        command(tmp_path / "made"), inside="anaglyph.engine.feature_output:write_part", call=2, point=1
    )
    assert child.wait() == -signal.SIGKILL, child.text()
    child = server.start(command(tmp_path / "made"))
    assert child.wait() == 0, child.text()
    assert "going on after 64 of 66 objects" in child.text()
    assert made(tmp_path / "made") == whole


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(server, command, whole, tmp_path):
    child = server.start(command(tmp_path / "made"))
    child.wait_for(tmp_path / "made/train/shard-00000-of-00001/part-000000.safetensors")
    child.send(signal.SIGINT)
    code = child.wait()
    if code == 1:  # else it was through before the signal came
        (line,) = [line for line in child.text().splitlines() if line.startswith("anaglyph:")]
        assert line.endswith("of 66 objects. Go on with the same command.")
        child = server.start(command(tmp_path / "made"))
        assert child.wait() == 0, child.text()
    assert made(tmp_path / "made") == whole
