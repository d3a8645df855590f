"""`anaglyph models list | show | import`: exit codes, JSON, errors of one line."""

import os
import pickle
import random

import pytest
import torch

from reference import official_backbones as backbones


def one_line(shown, *parts):
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("anaglyph: ")
    assert shown.err.count("\n") == 1
    assert all(part in shown.err for part in parts), shown.err


@pytest.fixture
def pointnet_file(tmp_path):
    one = torch.ones(1)
    state = {
        f"module.{key}": torch.zeros((), dtype=torch.int64)
        if not shape
        else one.view([1] * len(shape)).expand(shape)
        for key, shape in backbones.pointnet(40).items()
    }
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.pth")
    return tmp_path / "w.pth"


def test_the_list_is_what_bare_models_show(anaglyph):
    bare, named = anaglyph("models", "--json"), anaglyph("models", "list", "--json")
    assert bare.data == named.data
    assert anaglyph("models", "list", "none*").code == 1


def test_encoders_are_listed_with_size_licence_and_input(anaglyph):
    (row,) = [row for row in anaglyph("models", "point_mae", "--json").data if row["kind"] == "encoder"]
    assert row["licence"] == "MIT"
    assert row["parameters"]["40 classes"] == 22_099_752
    assert row["convention"]["points"] == 1024
    assert "22,099,752" in anaglyph("models", "point_mae").out


def test_show_says_what_a_file_is_and_how_to_import_it(anaglyph, pointnet_file, tmp_path):
    shown = anaglyph("models", "show", pointnet_file, "--json")
    assert shown.code == 0
    assert shown.data["readable"]
    assert shown.data["state_dict"] == "state_dict"
    assert shown.data["scalars"] == {"epoch": 3}
    assert "torch._utils._rebuild_tensor_v2" in shown.data["globals"]
    (family,) = shown.data["families"]
    assert (family["family"], family["imports"], family["parameters"]) == ("pointnet", True, 819_624)
    arguments = family["command"].split()
    assert arguments[:3] == ["anaglyph", "models", "import"]
    assert anaglyph(*arguments[1:-1], tmp_path / "o.safetensors").code == 0
    assert "pointnet" in anaglyph("models", "show", pointnet_file).out
    again = anaglyph("models", "show", tmp_path / "o.safetensors", "--json")
    assert (again.code, again.data["header"]["kind"]) == (0, "encoder")


def test_show_lists_every_key_that_does_not_fit(anaglyph, tmp_path):
    torch.save(
        {
            **{key: torch.zeros(shape) for key, shape in backbones.pointnet(40).items() if key != "bn2.bias"},
            "x": torch.ones(1),
        },
        tmp_path / "w.pth",
    )
    shown = anaglyph("models", "show", tmp_path / "w.pth", "--json")
    assert shown.code == 1
    (family,) = shown.data["families"]
    assert (family["missing"], family["not_known"], family["imports"]) == (["bn2.bias"], ["x"], False)


class Trap:
    def __reduce__(self):
        return os.system, ("touch ran",)


def test_show_names_what_a_hostile_pickle_asks_for(anaglyph, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"a": torch.ones(1)}, "x": Trap()}, tmp_path / "w.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap()))
    for name in ("w.pth", "plain.pth"):
        shown = anaglyph("models", "show", name, "--json")
        assert shown.code == 1
        assert shown.data["refused_globals"] == ["posix.system"]
        assert not shown.data["readable"]
        one_line(anaglyph("models", "import", name, "-o", "o.safetensors"), "posix.system")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"PK\x03\x04",
        b"\x80\x02.",
        b"\x80\x02}q\x00.",
        b"\xff" * 99,
        b"\x7f\0\0\0\0\0\0\0{",
        random.Random(0).randbytes(64),
    ],
)
def test_garbage_is_described_without_a_traceback(anaglyph, tmp_path, data):
    (tmp_path / "g.pth").write_bytes(data)
    shown = anaglyph("models", "show", tmp_path / "g.pth", "--json")
    assert shown.code == 1
    assert shown.data["bytes"] == len(data)
    assert anaglyph("models", "show", tmp_path / "g.pth").code == 1
    one_line(anaglyph("models", "import", tmp_path / "g.pth", "-o", tmp_path / "o.safetensors"))


def test_import_writes_prints_and_refuses(anaglyph, pointnet_file, tmp_path):
    output = tmp_path / "o.safetensors"
    shown = anaglyph("models", "import", pointnet_file, "--as", "pointnet", "-o", output, "--json")
    assert (shown.code, shown.data["family"], shown.data["output"]) == (0, "pointnet", str(output))
    one_line(anaglyph("models", "import", pointnet_file, "-o", output), "--force")
    done = anaglyph("models", "import", pointnet_file, "--output", output, "--force")
    assert "819,624 parameters from pointnet" in done.out
    one_line(
        anaglyph("models", "import", pointnet_file, "--as", "ulip", "-o", tmp_path / "p.safetensors"),
        "point_encoder",
    )
    one_line(
        anaglyph("models", "import", pointnet_file, "--as", "pointnt", "-o", tmp_path / "p.safetensors"),
        "did you mean",
    )
    one_line(
        anaglyph("models", "import", tmp_path / "none.pth", "-o", tmp_path / "p.safetensors"), "No such file"
    )
    one_line(anaglyph("models", "show", tmp_path / "none.pth"), "No such file")
    one_line(anaglyph("models", "import", tmp_path, "-o", tmp_path / "p.safetensors"), "directory")


def test_tensor_names_cannot_break_the_line_or_the_terminal(anaglyph, tmp_path):
    torch.save({"feature_model.a\n\x1b[31mb": torch.ones(1)}, tmp_path / "w.pth")
    one_line(
        anaglyph("models", "import", tmp_path / "w.pth", "-o", tmp_path / "o.safetensors"),
        "which no network has",
    )


@pytest.mark.parametrize("command", ["list", "show", "import"])
def test_every_subcommand_has_help(anaglyph, command):
    shown = anaglyph("models", command, "--help")
    assert shown.code in (0, None)
    assert "--json" in shown.out


def test_show_says_that_an_imported_file_cannot_be_loaded(anaglyph, pointnet_file, tmp_path):
    path = tmp_path / "o.safetensors"
    anaglyph("models", "import", pointnet_file, "-o", path)
    whole = path.read_bytes()
    assert anaglyph("models", "show", path, "--json").data["loads"] is True
    for old, new in (
        (b'\\"in_channels\\"', b'\\"in_chanels\\" '),
        (b'"dtype":"F32"', b'"dtype":"I32"'),
        (b'[40]', b'[41]'),
    ):  # fmt: skip
        assert old in whole
        path.write_bytes(whole.replace(old, new, 1))
        shown = anaglyph("models", "show", path, "--json")
        assert shown.code == 1
        assert shown.data["fault"]
        assert shown.data.get("loads", False) is False


def test_import_says_which_networks_beside_the_encoder_were_left_out(anaglyph, tmp_path):
    state = {key: torch.zeros(shape) for key, shape in backbones.pointnet(3).items()}
    torch.save({"state_dict": state, "text_proj": {"weight": torch.ones(4, 3)}}, tmp_path / "w.pth")
    shown = anaglyph("models", "import", tmp_path / "w.pth", "-o", tmp_path / "o.safetensors")
    assert "left out 12 in text_proj" in shown.out
    assert "text_proj: {'tensors': 1, 'parameters': 12}" in anaglyph("models", "show", tmp_path / "w.pth").out
