"""`anaglyph embed`: what somebody types who has a folder of clouds and wants vectors."""

import json

import h5py
import numpy as np
import pytest
import torch

import tiny_encoders
from anaglyph.engine.shape_encoder import open_shape_encoder
from clouds_on_disk import folder, points, sidecar
from reference.preparation import slow_prepare


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


def test_a_folder_becomes_rows_in_the_order_of_the_keys_beside_them(embed, tmp_path):
    folder(tmp_path)
    ran = embed("clouds", "-o", "made/vectors.npy")
    assert ran.code == 0
    assert "made/vectors.npy: 7 clouds, 8 numbers each" in ran.out
    vectors = np.load("made/vectors.npy", allow_pickle=False)
    assert (vectors.shape, vectors.dtype) == ((7, 8), np.float32)
    beside = sidecar(tmp_path / "made/vectors.npy")
    names = ["0.npy", "1.npy", "2.npy", "3.npy", "deep/x.npy", "two.npy#0", "two.npy#1"]
    assert beside["keys"] == [f"clouds/{name}" for name in names]
    assert beside["encoder"] == {"name": "tiny_moments", "weights": "untrained", "seed": 0}
    assert beside["convention"]["points"] == 64
    assert (beside["shape"], beside["skipped"], beside["options"]["up"]) == ([7, 8], [], "y")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["vectors.npy", "vectors.npy.json"]
    for row, name in enumerate(names[:5]):  # one by one, in files of their own
        alone = embed(f"clouds/{name}", "-o", f"{row}.npy")
        assert alone.code == 0
        np.testing.assert_allclose(np.load(f"{row}.npy"), vectors[row : row + 1], atol=1e-6)


@pytest.mark.parametrize(("encoder", "up", "seen_as"), [("tiny_moments", "z", "z"), ("tiny_z_up", "z", "y")])
def test_a_vector_is_the_encoder_of_the_prepared_cloud(embed, encoder, up, seen_as):
    """An encoder with z up sees a cloud with z up as it is, like one with y up a cloud with y up."""
    cloud = points()
    np.save("a.npy", cloud)
    assert embed("a.npy", "--up", up, "--seed", "3", encoder=encoder).code == 0
    prepared = slow_prepare(
        cloud.tolist(), None, range(40), up=seen_as, axes="xyz", unit_sphere=True, grey=None, height=False
    )
    with torch.no_grad():
        expected = open_shape_encoder(encoder, seed=3).module(torch.tensor(prepared)[None])
    np.testing.assert_allclose(np.load("embeddings.npy"), expected, atol=1e-5)


def test_untrained_weights_are_admitted_on_standard_error(embed):
    np.save("a.npy", points())
    assert "untrained weights (seed 0): the vectors mean nothing" in embed("a.npy").err


def test_json_lines_hold_the_numbers_of_the_npy_file(embed, tmp_path):
    folder(tmp_path)
    assert embed("clouds", "-o", "a.npy").code == embed("clouds", "-o", "a.jsonl").code == 0
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["key"] for row in rows] == sidecar(tmp_path / "a.npy")["keys"]
    np.testing.assert_array_equal(
        np.array([row["embedding"] for row in rows], dtype=np.float32), np.load("a.npy")
    )
    assert sidecar(tmp_path / "a.jsonl")["keys"] == sidecar(tmp_path / "a.npy")["keys"]


def write(path, cloud):
    """The cloud in the format of the suffix, twice as many digits as needed where it is text."""
    match path.suffix:
        case ".npy":
            np.save(path, cloud)
        case ".npz":
            np.savez(path, points=cloud)
        case ".h5":
            with h5py.File(path, "w") as file:
                file["points"] = cloud
        case ".xyz" | ".txt":
            path.write_text("\n".join(" ".join(map(repr, row)) for row in cloud.tolist()))
        case ".ply":
            head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(cloud)}\n"
            head += "".join(f"property float {axis}\n" for axis in "xyz") + "end_header\n"
            path.write_bytes(head.encode() + cloud.astype("<f4").tobytes())


def test_every_format_gives_the_same_vector_of_the_same_cloud(embed, tmp_path):
    for suffix in ("npy", "npz", "ply", "xyz", "txt", "h5"):
        (tmp_path / suffix).mkdir()
        write(tmp_path / suffix / f"chair.{suffix}", points(100))  # more than the 64 that are taken
    assert embed(*("npy", "npz", "ply", "xyz", "txt", "h5")).code == 0
    vectors = np.load("embeddings.npy")
    assert vectors.shape == (6, 8)
    assert (vectors == vectors[0]).all()


def test_the_up_axis_is_turned_away(embed):
    cloud = points()
    np.save("y.npy", cloud)
    np.save("z.npy", np.stack([cloud[:, 0], -cloud[:, 2], cloud[:, 1]], axis=1))
    np.save("x.npy", np.stack([cloud[:, 1], -cloud[:, 0], cloud[:, 2]], axis=1))
    for up in "xyz":
        assert embed(f"{up}.npy", "--up", up, "-o", f"out_{up}.npy").code == 0
    expected = np.load("out_y.npy")
    np.testing.assert_allclose(np.load("out_z.npy"), expected, atol=1e-6)
    np.testing.assert_allclose(np.load("out_x.npy"), expected, atol=1e-6)
    assert embed("z.npy", "-o", "wrong.npy").code == 0
    assert np.abs(np.load("wrong.npy") - expected).max() > 1e-2


def test_neither_size_nor_place_of_a_cloud_matters(embed):
    np.save("a.npy", points())
    np.save("b.npy", points() * 37 + 200)
    assert embed("a.npy", "b.npy").code == 0
    first, second = np.load("embeddings.npy")
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_the_batch_size_does_not_change_a_vector(embed, tmp_path):
    folder(tmp_path)
    for size in (1, 2, 3, 100):
        assert embed("clouds", "--batch-size", size, "-o", f"{size}.npy").code == 0
        np.testing.assert_allclose(np.load(f"{size}.npy"), np.load("1.npy"), atol=1e-6)


def test_the_same_command_makes_the_same_bytes_and_another_seed_does_not(embed, tmp_path):
    np.save("a.npy", points(200))
    assert [embed("a.npy", "-o", f"{name}.npy").code for name in "bc"] == [0, 0]
    assert embed("a.npy", "--seed", "1", "-o", "d.npy").code == 0
    files = [(tmp_path / f"{name}.npy").read_bytes() for name in "bcd"]
    assert files[0] == files[1] != files[2]
    assert sidecar(tmp_path / "b.npy") == sidecar(tmp_path / "c.npy")


def test_bfloat16_is_near_float32_and_written_as_float32(embed):
    np.save("a.npy", points())
    assert embed("a.npy", "-o", "full.npy").code == 0
    assert embed("a.npy", "--precision", "bfloat16", "-o", "half.npy").code == 0
    full, half = np.load("full.npy"), np.load("half.npy")
    assert half.dtype == np.float32
    assert 0 < np.abs(full - half).max() < 0.05


@pytest.mark.parametrize(
    ("options", "level"),
    [((), 0.0), (("--colour-range", "1"), 0.0), (("--colour-range", "255"), 1.0)],
)
def test_colours_reach_the_encoder_and_grey_stands_in_for_them_with_a_word(embed, options, level):
    cloud = points()
    bright = np.concatenate([cloud, np.full_like(cloud, 0.0 if level == 0.0 else 255.0)], axis=1)
    np.save("a.npy", bright)
    ran = embed("a.npy", "--columns", "xyzrgb", *options, "-o", "colours.npy", encoder="tiny_coloured")
    assert ran.code == 0, ran.err
    np.savez("b.npz", points=cloud, rgb=np.full(cloud.shape, level))
    assert embed("b.npz", "-o", "same.npy", encoder="tiny_coloured").code == 0
    np.testing.assert_allclose(np.load("colours.npy"), np.load("same.npy"), atol=1e-6)
    grey = embed("a.npy", "--columns", "xyznormal", "-o", "grey.npy", encoder="tiny_coloured")
    assert "1 clouds have no colours; the encoder saw grey (0.4)" in grey.err
    assert np.abs(np.load("grey.npy") - np.load("colours.npy")).max() > 1e-3


def test_an_encoder_without_colours_needs_no_word_about_further_columns(embed):
    np.save("a.npy", np.concatenate([points(), np.full((40, 3), 9.0)], axis=1))
    np.save("b.npy", points())
    assert embed("a.npy", "b.npy").code == 0
    first, second = np.load("embeddings.npy")
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_small_clouds_are_taken_as_they_are_with_a_word(embed, tmp_path):
    np.save("a.npy", points(10))
    ran = embed("a.npy")
    assert "1 clouds have fewer than 64 points and were taken as they are" in ran.err
    assert sidecar(tmp_path / "embeddings.npy")["fewer_points_than_asked"] == 1


def test_outputs_among_the_clouds_are_not_taken_for_clouds(embed, anaglyph, tmp_path):
    root = folder(tmp_path)
    for _ in range(2):
        assert embed("clouds", "-o", "clouds/vectors.npy", "--no-resume").code == 0
        assert len(np.load(root / "vectors.npy")) == 7
    assert embed("clouds", "-o", "other.npy").code == 0
    assert len(np.load("other.npy")) == 7
    ran = embed("clouds/vectors.npy", "-o", "third.npy")
    assert (ran.code, "holds vectors that" in ran.err) == (2, True)


def test_patterns_hidden_files_and_repeated_names(embed, tmp_path):
    root = folder(tmp_path)
    np.save(root / ".hidden.npy", points())
    (root / ".git").mkdir()
    np.save(root / ".git" / "a.npy", points())
    (root / "readme.md").write_text("no cloud")
    assert embed("clouds/**/*.npy", "-o", "a.npy").code == 0
    assert len(np.load("a.npy")) == 7
    assert embed("clouds/0.npy", "clouds", str(root / "1.npy"), "-o", "b.npy").code == 0
    assert len(np.load("b.npy")) == 7
    assert embed(str(root / "[01].npy"), "-o", "c.npy").code == 0
    assert [name.rsplit("/", 1)[1] for name in sidecar(tmp_path / "c.npy")["keys"]] == ["0.npy", "1.npy"]


def test_progress_is_plain_lines_when_piped_and_none_with_json(embed, tmp_path):
    folder(tmp_path)
    lines = embed("clouds", "--batch-size", "2").err.splitlines()
    assert [line for line in lines if "of the files" in line][-1] == "7 clouds, 100% of the files"
    quiet = embed("clouds", "--batch-size", "2", "--json", "-o", "b.npy")
    assert "of the files" not in quiet.err
    assert quiet.data["clouds"] == 7
