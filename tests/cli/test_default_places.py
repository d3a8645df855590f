"""Where a study lies when no --output is given: runs by recipe, and a report for each set of recipes."""

from anaglyph.cli.train import LONGEST_NAME, study_name
from tiny_runs import tiny_file

SHORT = ["--device", "cpu", "--validate-every", "0", "--json", "--set", "stages.contrast.epochs=1"]


def test_the_report_of_the_next_study_leaves_the_last_one_alone(anaglyph, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        shown = anaglyph("train", tiny_file("pair_contrast", tmp_path, name=name), *SHORT)
        assert shown.code == 0
        assert shown.data["report"] == f"runs/reports/{name}/report.html"
        assert (tmp_path / f"runs/{name}/seed-0/recipe.yaml").is_file()
    for name in ("first", "second"):
        assert {p.name for p in (tmp_path / "runs/reports" / name).iterdir()} == {
            "report.html",
            "report.json",
        }
    assert not (tmp_path / "runs/report.html").exists()


def test_several_recipes_share_a_report_named_after_all():
    assert study_name(["a", "b"]) == "a+b"


def test_a_long_name_is_cut_and_told_apart():
    long, other = (study_name(["recipe" * 20, end]) for end in ("a", "b"))
    assert len(long) == len(other) == LONGEST_NAME
    assert long != other
