"""What the demo ends with: models that it writes itself, and an index that can be searched."""

from pathlib import Path

import pytest

from anaglyph.cli import demo_models
from anaglyph.cli.demo import make_gallery
from anaglyph.cli.demo_models import write_demo_models
from anaglyph.geometry.load import load_mesh
from model_files import names_below, states


def test_without_any_data_the_demo_has_digits_and_generated_objects(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_models, "GENERATED", ("mug", "table"))
    assert write_demo_models(tmp_path / "models", data_root=tmp_path / "nothing") == 12
    names = names_below(tmp_path / "models")
    assert [name.split("/")[0] for name in names] == ["digit"] * 10 + ["mug", "table"]
    assert [name[len("digit/")] for name in names[:10]] == list("0123456789")
    assert all(len(load_mesh(tmp_path / "models" / name).faces) for name in (names[0], names[-1]))


def test_models_that_are_there_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_models, "GENERATED", ())
    write_demo_models(tmp_path, data_root=tmp_path / "nothing")
    before = states(tmp_path)
    write_demo_models(tmp_path, data_root=tmp_path / "nothing")
    assert states(tmp_path) == before


def test_the_demo_ends_with_an_index_and_the_command_that_opens_it(tmp_path, monkeypatch, anaglyph, capsys):
    monkeypatch.setattr(demo_models, "GENERATED", ("mug",))
    monkeypatch.setattr(demo_models, "DIGITS_EACH", 0)
    monkeypatch.chdir(tmp_path)
    facts = make_gallery(Path("demo"), data_root=tmp_path / "nothing", quiet=False)["gallery"]
    out = capsys.readouterr().out
    assert (facts["items"], facts["index"]) == (1, str(Path("demo/index")))
    assert out.splitlines()[-1].strip().endswith("serve --index demo/index --open")
    assert facts["command"] in out
    ran = anaglyph("search", "mug", "--index", facts["index"], "--json")
    assert [hit["path"] for hit in ran.data["hits"]] == ["mug/generated-mug.ply"]


@pytest.mark.parametrize(("on_path", "typed"), [(True, "anaglyph"), (False, "bin/anaglyph")])
def test_the_command_is_named_as_its_user_can_type_it(tmp_path, monkeypatch, on_path, typed):
    from anaglyph.cli.places import own_command

    program = tmp_path / "bin/anaglyph"
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.setenv("PATH", str(program.parent) if on_path else "")
    assert own_command() == typed
