"""`anaglyph index` before anything is read, and `anaglyph problems` on an index of stored items."""

import json
from dataclasses import replace

import pytest

from anaglyph.cli.main import main
from anaglyph.cli.places import index_place
from anaglyph.search.items import Problem
from anaglyph.search.opening import create_store
from model_files import write_model
from store_items import entry, header


@pytest.fixture
def place(tmp_path):
    """An index of three files with a finding of each severity; one has a name that is no plain text."""
    found = {
        "b.obj": Problem("timeout", "serious", "Reading it took longer than 60 seconds."),
        "a/evil\x1b[31m.obj": Problem("inside_out", "warning", "It is inside out."),
        "c.obj": Problem("no_colours", "note", "It has no colours."),
    }
    folder = tmp_path / "index"
    store = create_store(folder, header())
    with store.writer(owner="test") as writer:
        entries = [entry(path) for path in found]
        writer.put(
            [
                replace(each, item=replace(each.item, problems=(found[each.item.path],)))
                for each in entries
            ]
        )  # fmt: skip
    store.close()
    return folder


def test_problems_are_a_line_each_when_piped_the_most_serious_first(place, capsys):
    assert main(["problems", "--index", str(place)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [["serious", "timeout"], ["warning", "inside_out"]]
    assert rows[1][2] == "a/evil?[31m.obj"  # nothing that a terminal obeys


def test_severity_category_and_limit_choose(place, capsys):
    assert main(["problems", "--index", str(place), "--severity", "note", "--limit", "1"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "--limit 0" in err
    assert main(["problems", "--index", str(place), "--category", "no_colours"]) == 1
    more = ["--severity", "note", "--category", "no_colours", "--category", "timeout", "--json"]
    capsys.readouterr()
    assert main(["problems", "--index", str(place), *more]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["path"], each["category"]) for each in found] == [
        ("b.obj", "timeout"),
        ("c.obj", "no_colours"),
    ]


def test_without_an_index_there_is_an_error(tmp_path, capsys):
    assert main(["problems", "--index", str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err


def test_a_dry_run_without_an_index_tells_what_is_new_and_makes_nothing(tmp_path, capsys):
    write_model(tmp_path / "models" / "a.obj")
    place = tmp_path / "index"
    assert main(["index", str(tmp_path / "models"), "--index", str(place), "--dry-run", "--json"]) == 0
    [plan] = json.loads(capsys.readouterr().out)["folders"]
    assert (plan["new"], plan["gone"]) == (1, 0)
    assert not place.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shard", "3"], "i/n"),
        (["--shard", "3/2"], "no shard 3/2"),
        (["--processes", "-1"], "processes"),
        (["--batch", "0"], "batch"),
        (["--store", "postgresql://host/x", "--index", "y"], "not both"),
        (["--categories", "absent.txt"], "absent.txt"),
        (["--graph"], "--store"),
        (["--text-tower", "clip:folder"], "--model"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path, capsys, options, words):
    assert main(["index", str(tmp_path), *options]) == 2
    assert words in capsys.readouterr().err


def test_the_index_lies_in_the_data_folder_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert index_place(None) == str(tmp_path / "anaglyph" / "index")
    assert index_place(tmp_path / "mine") == str(tmp_path / "mine")
    assert index_place(None, "postgresql://host/x") == "postgresql://host/x"
