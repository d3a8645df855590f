"""`anaglyph embed` and what may be wrong: bad clouds, bad options, and outputs that are there already."""

import os
import shutil

import numpy as np
import pytest
import torch

import tiny_encoders
from anaglyph.engine.embed_parts import parts_folder
from clouds_on_disk import folder, points, sidecar


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    """Tiny encoders by name, in a folder of one's own."""
    tiny_encoders.register(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def embed(anaglyph):
    """Embeds on the CPU with a tiny encoder."""

    def run(*arguments, encoder="tiny_moments"):
        return anaglyph("embed", *arguments, "--encoder", encoder, "--device", "cpu")

    return run


def save_ply_colours(level):
    head = "ply\nformat ascii 1.0\nelement vertex 2\n"
    head += "".join(f"property float {name}\n" for name in ("x", "y", "z", "red", "green", "blue"))
    return f"{head}end_header\n0 0 0 {level} 0 0\n1 1 1 0 0 0\n"


BAD = {
    "nan.npy": ("1 points that are not finite, the first in row 3", {}),
    "infinite.npy": ("1 points that are not finite, the first in row 3", {}),
    "none.npy": ("has 0 points", {}),
    "few.npy": (
        "'few.npy': the encoder needs at least 16 points, the file has 5: sample it denser",
        {"encoder": "tiny_grouped"},
    ),
    "far.npy": ("stores it in steps of 0.0625; store it as float64", {}),
    "large64.npy": ("has coordinates up to 1e+200; at most 3.4e+38 are read", {}),
    "two.npy": (r"a cloud is (N, 3) numbers", {}),
    "six.npy": ("6 columns; say what 4 to 6 are: --columns xyzrgb", {"encoder": "tiny_coloured"}),
    "bytes.ply": ("colours from 0 to 200 (reals); expected are 0 to 1", {"encoder": "tiny_coloured"}),
    "empty.npy": ("is not a readable .npy cloud", {}),
    "shape.obj": ("is no point cloud by its name", {}),
    "large.npy": ("'large.npy': the encoder's numbers are not finite", {"encoder": "tiny_overflowing"}),
}


def make_bad(name):
    clouds = {
        "nan.npy": np.where(np.arange(10)[:, None] == 3, np.nan, points(10)),
        "infinite.npy": np.where(np.arange(10)[:, None] == 3, np.inf, points(10)),
        "none.npy": np.zeros((0, 3)),
        "few.npy": points(5),
        "far.npy": (points(30) + 1e6).astype(np.float32),
        "large64.npy": np.full((5, 3), 1e200),
        "two.npy": points()[:, :2],
        "six.npy": np.zeros((5, 6)),
        "large.npy": points(60),
    }
    with open(name, "wb") as file:  # noqa: PTH123 - in the folder of the test
        if name in clouds:
            np.save(file, clouds[name])
        elif name == "bytes.ply":
            file.write(save_ply_colours(200).encode())


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_cloud_stops_the_run_by_name_or_is_left_out_on_request(embed, tmp_path, name):
    reason, options = BAD[name]
    make_bad(name)
    np.save("good.npy", points())
    np.save("later.npy", points(seed=2))
    stopped = embed("good.npy", name, "later.npy", **options)
    assert stopped.code == 2
    assert reason in stopped.err
    assert f"'{name}'" in stopped.err
    assert "--skip-bad" in stopped.err
    assert "Traceback" not in stopped.err
    assert not (tmp_path / "embeddings.npy").exists()
    skipped = embed("good.npy", name, "later.npy", "--skip-bad", "--json", **options)
    if options.get("encoder") == "tiny_coloured":  # good.npy has no colours
        assert "2 clouds have no colours" in skipped.err
    assert skipped.code == 0
    assert [row["key"] for row in skipped.data["skipped"]] == [name]
    assert reason in skipped.data["skipped"][0]["reason"]
    beside = sidecar(tmp_path / "embeddings.npy")
    assert beside["keys"] == ["good.npy", "later.npy"]
    assert beside["skipped"] == skipped.data["skipped"]
    assert len(np.load("embeddings.npy")) == 2


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ["--encoder", "tiny_moments", "--device", "cuda"],
            ("torch sees no CUDA device", "--device cpu or auto"),
        ),
        (["--encoder", "tiny_moments", "--device", "cuda:7"], ("device=cuda:7",)),
        (["--encoder", "tiny_moments", "--device", "gpu"], ("no device 'gpu'", "auto, cpu, cuda")),
        (["--encoder", "tiny_moment"], ("no shape encoder 'tiny_moment'", "did you mean 'tiny_moments'")),
        (["--encoder", "resnet18"], ("no shape encoder 'resnet18'", "an encoder of pictures")),
        (["--encoder", "tiny_wrongchannels"], ("reads 4 numbers per point", "in_channels=3")),
        (["--encoder", "model.pth"], ("anaglyph models import model.pth --as FAMILY -o model.safetensors",)),
        (["--encoder", "gone.safetensors"], ("gone.safetensors",)),
        (["--encoder", "tiny_moments", "--points", "0"], ("points must be >= 1, got 0",)),
        (["--encoder", "tiny_moments", "--batch-size", "0"], ("batch-size must be >= 1, got 0",)),
        (
            ["--encoder", "tiny_moments", "-o", "a.csv"],
            ("cannot tell the format of 'a.csv'", ".npy or .jsonl"),
        ),
        (["--encoder", "tiny_moments", "-o", "a.npy"], ("'a.npy' is one of the clouds",)),
        (["--encoder", "tiny_moments", "-o", "mine.npy"], ("'mine.npy' exists and was not written by",)),
        (["gone.npy", "--encoder", "tiny_moments"], ("no file, folder or pattern 'gone.npy'",)),
    ],
)
def test_a_mistake_is_one_line_with_the_way_out(anaglyph, tmp_path, monkeypatch, arguments, parts):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    np.save("a.npy", points())
    np.save("mine.npy", points())
    ran = anaglyph("embed", "a.npy", *arguments)
    assert ran.code == 2
    errors = [line for line in ran.err.splitlines() if "untrained" not in line]
    assert len(errors) == 1
    for part in parts:
        assert part in errors[0]
    np.testing.assert_array_equal(np.load("mine.npy"), points())


def test_a_name_that_is_not_utf_8_is_refused_in_one_line_or_left_out(embed, tmp_path):
    odd = os.fsdecode(b"\xff.npy")
    try:
        np.save(odd, points())
    except OSError:
        pytest.skip("this file system takes no such name")
    np.save("a.npy", points())
    stopped = embed(odd, "a.npy")
    assert stopped.code == 2
    assert "'\\udcff.npy' has a name that is not UTF-8" in stopped.err.splitlines()[-1]
    assert embed(odd, "a.npy", "--no-resume", "--skip-bad").code == 0
    assert sidecar(tmp_path / "embeddings.npy")["skipped"][0]["key"] == "\\udcff.npy"
    for arguments in (["-o", odd], ["--dataset", odd]):
        ran = embed("a.npy", *arguments)
        assert (ran.code, "is not UTF-8" in ran.err.splitlines()[-1]) == (2, True)
    ran = embed("a.npy", encoder=os.fsdecode(b"\xff.safetensors"))
    assert (ran.code, "is not UTF-8" in ran.err.splitlines()[-1]) == (2, True)


def test_a_second_gpu_that_is_not_there_is_refused_by_name(embed, anaglyph, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    np.save("a.npy", points())
    ran = anaglyph("embed", "a.npy", "--encoder", "tiny_moments", "--device", "cuda:1")
    assert (ran.code, "device=cuda:1, but this machine has cuda:0" in ran.err) == (2, True)


def test_nothing_found_and_nothing_usable_end_with_one(embed, tmp_path):
    (tmp_path / "nothing").mkdir()
    ran = embed("nothing")
    assert (ran.code, ran.err) == (1, "no cloud in nothing.\n")
    make_bad("nan.npy")
    ran = embed("nan.npy", "--skip-bad")
    assert ran.code == 1
    assert "no cloud could be embedded; nothing was written" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nan.npy", "nothing"]


def test_a_finished_output_is_left_alone_until_something_changes(embed, tmp_path):
    folder(tmp_path)
    assert embed("clouds").code == 0
    before = (tmp_path / "embeddings.npy").stat().st_mtime_ns
    again = embed("clouds", "--batch-size", "2")
    assert (again.code, "already finished" in again.err) == (0, True)
    assert (tmp_path / "embeddings.npy").stat().st_mtime_ns == before
    np.save("clouds/9.npy", points())
    assert embed("clouds").code == 0
    assert len(np.load("embeddings.npy")) == 8


def test_what_was_skipped_is_not_finished_for_those_who_want_all(embed, tmp_path):
    make_bad("nan.npy")
    np.save("a.npy", points())
    assert embed("a.npy", "nan.npy", "--skip-bad").code == 0
    assert embed("a.npy", "nan.npy").code == 2


def test_an_unfinished_run_of_another_kind_is_neither_continued_nor_lost(embed, tmp_path):
    make_bad("nan.npy")
    np.save("a.npy", points())
    assert embed("a.npy", "nan.npy").code == 2
    unfinished = parts_folder(tmp_path / "embeddings.npy")
    assert len(list(unfinished.glob("part-*"))) == 0  # the batch with the bad cloud was never embedded
    other = embed("a.npy", "nan.npy", "--seed", "5", "--skip-bad")
    assert other.code == 2
    assert "unfinished run of another kind (encoder.seed: 5 now, 0 then)" in other.err
    assert embed("a.npy", "nan.npy", "--seed", "5", "--skip-bad", "--no-resume").code == 0
    assert not unfinished.exists()


def test_a_damaged_part_is_an_error_with_the_way_out(embed, tmp_path):
    make_bad("nan.npy")
    np.save("a.npy", points())
    assert embed("a.npy", "nan.npy", "--batch-size", "1").code == 2
    (part,) = parts_folder(tmp_path / "embeddings.npy").glob("part-*")
    part.write_bytes(part.read_bytes()[:-7])
    ran = embed("a.npy", "nan.npy", "--batch-size", "1", "--skip-bad")
    assert ran.code == 2
    assert "is damaged" in ran.err
    assert "--no-resume" in ran.err


def test_a_run_stopped_by_a_bad_file_goes_on_behind_what_was_done(embed, tmp_path):
    clouds = folder(tmp_path)
    shutil.copytree(clouds, tmp_path / "copy")
    assert embed("clouds", "-o", "whole.npy", "--batch-size", "2").code == 0
    make_bad("nan.npy")
    shutil.copy("nan.npy", clouds / "deep" / "bad.npy")
    assert embed("clouds", "--batch-size", "2").code == 2
    ran = embed("clouds", "--batch-size", "2", "--skip-bad")
    assert "going on after 4 clouds of 4 files" in ran.err
    assert ran.code == 0
    np.testing.assert_allclose(np.load("embeddings.npy"), np.load("whole.npy"), atol=1e-6)
