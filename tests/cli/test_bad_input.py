"""What a user may get wrong on the command line: one line with the way out, exit code 2, no checkpoint."""

import pytest

from anaglyph.cli.main import main

TRAIN = ["train", "digits3d_pair_contrast", "--set", "stages.contrast.epochs=1"]


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("data.options.train=1", ("1 object", "lower the batch size")),
        ("data.options.points=4096", ("4096 points", "1 to 2048")),
        ("data.options.stored_points=400000", ("'0000", "lower stored_points")),
        ("data.options.trian=5", ("no option 'trian'", "did you mean 'train'")),
        ("data.options.train=1500.0", ("data", "must be int")),
        ("data.name=digits", ("no dataset 'digits'", "digits3d")),
        ("encoders.shape.name=pointnett", ("no encoder 'pointnett'", "did you mean 'pointnet'")),
        ("stages.contrast.method=pair_contrats", ("no method", "pair_contrast")),
        ("stages.contrast.optimiser.name=adamm", ("adamm", "did you mean 'adam'")),
        ("stages.contrst.epochs=1", ("contrst", "did you mean 'contrast'")),
        ("stages.contrast.config.temperature=0.0", ("temperature must be > 0", "0.07")),
        ("preset=best", ("no preset of pair_contrast 'best'", "paper")),
    ],
)
def test_a_mistake_is_one_line_with_the_way_out(change, parts, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ANAGLYPH_CACHE", str(tmp_path / "cache"))
    code = main([*TRAIN, change, "--output", str(tmp_path / "runs")])
    said = capsys.readouterr()
    assert code == 2
    assert said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err
    for part in parts:
        assert part in said.err
    assert not list(tmp_path.glob("runs/**/checkpoints/*"))
