"""`anaglyph embed` stopped in a real process, at every write it makes: the same command ends it the same."""

import signal

import numpy as np
import pytest

EMBED = "anaglyph.engine.embed_output:embed_to_file"


def command(clouds, output):
    return [
        "embed",
        str(clouds),
        "--encoder",
        "pointnet",
        "--device",
        "cpu",
        "--points",
        "16",
        "-o",
        str(output),
    ]


def made(output):
    return output.read_bytes(), output.with_name(output.name + ".json").read_bytes()


def only_two_files(output):
    return sorted(path.name for path in output.parent.iterdir()) == [output.name, f"{output.name}.json"]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    """Two files with 260 clouds of 8 points: parts of 256 and 4."""
    folder = tmp_path_factory.mktemp("clouds")
    for number, count in enumerate((200, 60)):
        np.save(folder / f"{number}.npy", np.random.default_rng(number).normal(size=(count, 8, 3)))
    return folder


@pytest.fixture(scope="module")
def whole(server, clouds, tmp_path_factory):
    """What an undisturbed run leaves."""
    output = tmp_path_factory.mktemp("whole") / "vectors.npy"
    child = server.start(command(clouds, output))
    assert child.wait() == 0, child.text()
    return made(output)


@pytest.mark.slow
def test_killed_before_every_single_write_a_run_goes_on_to_the_same_bytes(server, clouds, whole, tmp_path):
    point, code = 0, None
    while code != 0:
        point += 1
        output = tmp_path / str(point) / "vectors.npy"
        child = server.start(command(clouds, output), inside=EMBED, call=1, point=point)
        code = child.wait()
        if code != 0:
            assert code == -signal.SIGKILL, child.text()
            child = server.start(command(clouds, output))
            assert child.wait() == 0, child.text()
        assert made(output) == whole
        assert only_two_files(output)
    assert point > 20  # a run has more writes than that, and none is missed


def test_killed_after_a_part_a_run_takes_that_part_and_ends_with_the_same_bytes(
    server, clouds, whole, tmp_path
):
    output = tmp_path / "vectors.npy"
    child = server.start(
        command(clouds, output), inside="anaglyph.engine.embed_output:write_part", call=2, point=1
    )
    assert child.wait() == -signal.SIGKILL, child.text()
    assert not output.exists()
    child = server.start(command(clouds, output))
    assert child.wait() == 0, child.text()
    assert "going on after 256 clouds of 1 files" in child.text()
    assert made(output) == whole
    assert only_two_files(output)


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(server, tmp_path):
    np.save(tmp_path / "many.npy", np.random.default_rng(0).normal(size=(4000, 8, 3)))
    output = tmp_path / "made" / "vectors.npy"
    run = [*command(tmp_path / "many.npy", output), "--batch-size", "4"]
    child = server.start(run)
    child.wait_for(tmp_path / "made" / "vectors.npy.unfinished" / "part-000000.safetensors")
    child.send(signal.SIGINT)
    assert child.wait() == 1, child.text()
    assert not output.exists()
    (line,) = [line for line in child.text().splitlines() if line.startswith("anaglyph:")]
    assert line.endswith("clouds. Go on with the same command.")
    done = int(line.split()[3])
    assert 256 <= done < 4000
    child = server.start(run)
    assert child.wait() == 0, child.text()
    assert f"going on after {done} clouds" in child.text()
    assert np.load(output).shape[0] == 4000
    assert only_two_files(output)
