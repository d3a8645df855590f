from dataclasses import replace

import numpy as np
import pytest

from anaglyph.data.datasets.caption_table import read_captions
from anaglyph.data.datasets.captioned_folder import WITHOUT_CATEGORY, CaptionedFolder
from anaglyph.data.records import TextSource
from anaglyph.errors import ConfigError, DataError
from anaglyph.geometry.load import load_mesh
from captioned_on_disk import MODELS, write_captioned
from cc0_on_disk import PLY

SPLITS = ("train", "validation", "test")
SMALL = CaptionedFolder(views="ring8", size=24, stored_points=64, points=32)


def files(*rest):
    return [f"more models/thing {number}.ply,words{''.join(rest)}" for number in range(MODELS)]


def load(root, split="train", source=SMALL, **options):
    return replace(source, **options).load(split, root=root, cache=None, seed=0)


def test_models_have_their_captions_categories_and_splits(tmp_path):
    write_captioned(tmp_path)
    parts = {split: load(tmp_path, split) for split in SPLITS}
    assert {split: len(part) for split, part in parts.items()} == {"train": 8, "validation": 2, "test": 2}
    train = parts["train"]
    assert train.class_names == ("box", "cup")
    row = train.keys.index("more_models/thing_0.ply")
    assert train.texts[row] == (
        (TextSource.CAPTION, "a cup, number 0"), (TextSource.CAPTION, "the other caption of 0"),
    )  # fmt: skip
    assert train.class_names[train.labels[row]] == "cup"
    assert parts["test"].texts[1] == ()  # number 7 has an empty caption


def test_without_the_columns_every_model_is_of_one_class_and_a_hash_splits_them(tmp_path):
    folder = write_captioned(tmp_path, models=MODELS, header="file,caption", lines=files())
    parts = {split: load(tmp_path, split) for split in SPLITS}
    assert all(part.class_names == (WITHOUT_CATEGORY,) for part in parts.values())
    assert sorted(key for part in parts.values() for key in part.keys) == sorted(
        f"more_models/thing_{number}.ply" for number in range(MODELS)
    )
    order = [number for number in range(MODELS) if number % 2] + list(range(0, MODELS, 2))
    lines = [files()[number] for number in order]
    (folder / "captions.csv").write_text("\n".join(["file,caption", *lines]))
    for split, part in parts.items():
        assert set(load(tmp_path, split).keys) == set(part.keys)


def test_models_of_the_same_content_are_never_on_two_sides(tmp_path):
    folder = write_captioned(tmp_path, header="file,caption", lines=files())
    for number in range(MODELS):
        (folder / f"more models/thing {number}.ply").write_text(PLY.format(w=1.0 + number % 4))
    seen = [{copy_of(key) for key in load(tmp_path, split).keys} for split in SPLITS]
    assert sorted(each for part in seen for each in part) == [0, 1, 2, 3]
    lines = [f"{line},{'validation' if row == 0 else ''}" for row, line in enumerate(files())]
    (folder / "captions.csv").write_text("\n".join(["file,caption,split", *lines]))
    assert 0 in {copy_of(key) for key in load(tmp_path, "validation").keys}
    assert not any(copy_of(key) == 0 for split in ("train", "test") for key in load(tmp_path, split).keys)


def copy_of(key):
    """Which of four shapes a model is a copy of, above."""
    return int(key.removesuffix(".ply").split("_")[-1]) % 4


def test_a_split_column_may_be_filled_in_part(tmp_path):
    lines = [f"{line},{'test' if row < 4 else ''}" for row, line in enumerate(files())]
    write_captioned(tmp_path, header="file,caption,split", lines=lines)
    given = {f"more_models/thing_{number}.ply" for number in range(4)}
    test, train = load(tmp_path, "test"), load(tmp_path, "train")
    assert given < set(test.keys)
    assert not set(train.keys) & set(test.keys)


def test_the_up_axis_of_the_files_can_be_said(tmp_path):
    folder = write_captioned(tmp_path)
    tall = folder / "more models/thing 0.ply"
    tall.write_text(PLY.format(w=0.1).replace("0 0 1 0 0 255", "0 0 3 0 0 255"))  # long along z
    height = {}
    for up in ("auto", "y", "z"):
        train = load(tmp_path, up=up)
        cloud = train.points[train.keys.index("more_models/thing_0.ply"), :, :3].astype(np.float32)
        height[up] = int(np.argmax(cloud.max(axis=0) - cloud.min(axis=0)))
    assert height == {"auto": 2 if load_mesh(tall).up == "y" else 1, "y": 2, "z": 1}


def test_unreadable_models_are_named_and_up_to_max_bad_are_left_out(tmp_path):
    folder = write_captioned(tmp_path)
    (folder / "more models/thing 0.ply").write_text("ply\nno model\n")
    flat = PLY.format(w=0.5).replace(
        "3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3", "3 0 1 1\n3 0 2 2\n3 0 3 3\n3 0 1 1"
    )
    (folder / "more models/thing 1.ply").write_text(flat)  # faces without area
    with pytest.raises(DataError, match=r"more_models/thing_0\.ply"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"more_models/thing_1\.ply.*1 are allowed|thing_1\.ply.*max_bad"):
        load(tmp_path, max_bad=1)
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        train = replace(SMALL, max_bad=2).load("train", root=tmp_path, cache=cache, seed=0)
        assert len(train) == 6
        assert train.keys[0] == "more_models/thing_2.ply"
        assert train.texts[0] == ((TextSource.CAPTION, "a cup, number 2"),)


TABLES = {
    "no_caption": ("file,words", ["a.ply,b"], r"has the columns file, words; it needs caption"),
    "semicolons": ("file;caption", ["a.ply;b"], r"needs file and caption. Separate them by commas"),
    "empty": ("file,caption", [], "has no lines"),
    "few": ("file,caption,split", ["more models/thing 0.ply,b"], "line 2 has fewer fields"),
    "many": ("file,caption", ["more models/thing 0.ply,a red, blue cup"], "line 2 has more fields"),
    "quote": ("file,caption", ["more models/thing 0.ply,ok", '"a"b,c'], "cannot read .* after line 2"),
    "absent": ("file,caption", ["cup.ply,b", "box.ply,c"], r"names 2 files that .*: cup\.ply, box\.ply"),
    "outside": ("file,caption", ["../secret.ply,b"], r"line 2 has file='\.\./secret\.ply'"),
    "absolute": ("file,caption", ["/etc/passwd.ply,b"], "must be a path within the data set"),
    "nameless": ("file,caption", [",b"], "line 2 has file=''"),
    "format": ("file,caption", ["things/thing.blend,b"], r"line 2 names .*thing\.blend', which is none of"),
    "split": ("file,caption,split", ["thing.ply,b,tset"], "no split 'tset'; did you mean 'test'"),
    "category": ("file,caption,category", ["more models/thing 0.ply,b, "], "line 2 has no category"),
    "contrary": (
        "file,caption,category",
        ["more models/thing 0.ply,b,cup", "more models/thing 0.ply,c,box"],
        "line 3 says category 'box'.*earlier line 'cup'",
    ),
    "long": ("file,caption", [f"thing.ply,{'b' * 30_000}"], "line 2 has a field of more"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_cannot_be_meant_is_refused_and_its_line_named(tmp_path, name):
    header, lines, reason = TABLES[name]
    write_captioned(tmp_path, header=header, lines=lines)
    with pytest.raises(DataError, match=reason):
        load(tmp_path)


def test_a_table_that_is_no_text_is_refused(tmp_path):
    folder = write_captioned(tmp_path)
    (folder / "captions.csv").write_bytes(b"file,caption\n\xff\xfe,\x00\n")
    with pytest.raises(DataError, match=r"cannot read .*captions\.csv"):
        load(tmp_path)
    (folder / "captions.csv").unlink()
    with pytest.raises(DataError, match=r"there is no file .*captions\.csv.*Put 3D models"):
        load(tmp_path)


def test_tables_of_spreadsheets_with_a_byte_order_mark_and_other_columns_are_read(tmp_path):
    folder = write_captioned(tmp_path)
    table = folder / "captions.csv"
    table.write_text(
        "file,author,caption\r\nmore models/thing 0.ply,me,two  words \r\n", encoding="utf-8-sig"
    )
    (model,) = read_captions(table, folder, obtain="")
    assert model.captions == ("two words",)
    assert (model.category, model.split) == ("", None)


def test_a_split_without_models_says_what_to_do(tmp_path):
    lines = [f"{line},train" for line in files()]
    write_captioned(tmp_path, header="file,caption,split", lines=lines)
    with pytest.raises(DataError, match="no model for the test split among its 12"):
        load(tmp_path, "test")


def test_fractions_that_leave_nothing_are_refused():
    with pytest.raises(ConfigError, match=r"test_fraction=0\.5"):
        CaptionedFolder(validation_fraction=0.5, test_fraction=0.5)
    with pytest.raises(ConfigError, match=r"validation_fraction=0\.0"):
        CaptionedFolder(validation_fraction=0.0)
