"""`anaglyph models export` and what `models show` and `evaluate` say of the file."""

import pytest

from space_files import save_run


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    return save_run(folder / "run.safetensors", "mixcon3d")


@pytest.fixture
def export(anaglyph, weights, tmp_path):
    def call(*arguments, output=tmp_path / "slim.safetensors"):
        return anaglyph("models", "export", weights, output, "--data-root", weights.parent, *arguments)

    return call


def test_an_exported_file_is_shown_with_what_it_reads(export, anaglyph, tmp_path):
    made = export("--json", "--default-inputs", "fused")
    assert made.code == 0, made.err
    assert (made.data["method"], made.data["dim"]) == ("mixcon3d", 8)
    assert made.data["reads"] == ["image", "shape", "text"]
    assert made.data["licence"].startswith("weights trained on: ")
    shown = anaglyph("models", "show", tmp_path / "slim.safetensors", "--json")
    assert shown.code == 0, shown.err
    assert shown.data["loads"] is True
    assert shown.data["header"]["default_inputs"] == "fused"
    assert set(shown.data["tower_fingerprints"]) == {"image", "text"}
    assert shown.data["trained_on"] == "procedural_models"
    assert "space 'slim'" in anaglyph("models", "show", tmp_path / "slim.safetensors").out


def test_a_licence_can_be_stated_and_a_file_is_overwritten_only_when_asked(export):
    assert "Licence: CC0-1.0." in export("--licence", "CC0-1.0").out
    refused = export()
    assert refused.code == 2
    assert "exists already" in refused.err
    assert export("--force").code == 0


def test_an_output_of_another_suffix_or_the_run_itself_is_refused(export, weights, tmp_path):
    assert "must end in .safetensors" in export(output=tmp_path / "slim.pt").err
    assert "exists already" in export("--force", output=weights).err


def test_a_file_that_does_not_hold_what_it_says_is_shown_as_unusable(export, anaglyph, tmp_path):
    from anaglyph.io.weights import read_header, read_weights, write_weights

    export()
    path = tmp_path / "slim.safetensors"
    tensors = read_weights(path)
    tensors.popitem()
    write_weights(path, tensors, header=read_header(path))
    shown = anaglyph("models", "show", path, "--json")
    assert shown.code == 1
    assert "different:" in shown.data["fault"]


def test_a_slim_file_without_zero_shot_is_told_how_to_measure_it(export, anaglyph, tmp_path):
    export()
    refused = anaglyph("evaluate", tmp_path / "slim.safetensors")
    assert refused.code == 2
    assert "measure it with --zero-shot" in refused.err
    other = anaglyph("evaluate", tmp_path / "slim.safetensors", "--text-tower", "dual")
    assert "--text-tower belongs to --zero-shot" in other.err


def test_mini_is_shown_or_said_to_be_missing(anaglyph, monkeypatch):
    from anaglyph.encoders.spaces import open as opening

    monkeypatch.setattr(opening, "SHAPES", "no_such_file")
    refused = anaglyph("models", "show", "mini")
    assert refused.code == 2
    assert "so there is no mini" in refused.err
