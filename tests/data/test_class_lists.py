"""Class names and counts of the dossier CrossMoST, and lists that users bring."""

import json

import pytest

from anaglyph.data.class_lists import CLASS_LISTS, SHAPENET55_SYNSETS, class_list
from anaglyph.data.own_classes import own_classes, parse_classes, read_classes
from anaglyph.errors import ConfigError

COUNTS = {
    "modelnet10": (10, 3991, 908), "modelnet40": (40, 9843, 2468), "modelnet40_medium": (22, 0, 0),
    "modelnet40_hard": (17, 0, 0), "scanobjectnn": (15, 2309, 581), "redwood": (9, 0, 0), "co3d": (42, 0, 0),
    "shapenet55": (55, 41_952, 10_518),
}  # fmt: skip


def test_every_list_has_the_published_number_of_classes_and_objects():
    assert {name: (len(each), each.train, each.test) for name, each in CLASS_LISTS.items()} == COUNTS


def test_words_are_what_a_person_would_write_in_the_order_of_the_labels():
    assert all("_" not in word for each in CLASS_LISTS.values() for word in each.words)
    assert class_list("modelnet40").words[15] == "flower pot"
    assert class_list("co3d").words[6] == "teddy bear"
    assert class_list("shapenet55").words[22] == "monitor"
    assert class_list("scanobjectnn").official[9] == "table"
    assert SHAPENET55_SYNSETS["04554684"] == "washer"


def test_parts_of_modelnet_lie_within_one_another():
    ten, medium, hard, forty = (
        set(class_list(name).official)
        for name in ("modelnet10", "modelnet40_medium", "modelnet40_hard", "modelnet40")
    )
    assert hard < medium < forty
    assert ten < forty
    assert medium - hard == {"cup", "monitor", "stool", "vase", "wardrobe"}


def test_the_lists_are_those_of_the_official_files(shared_data):
    folder = shared_data / "metadata"
    if not folder.is_dir():
        pytest.skip(f"no official lists at '{folder}'")
    labels = json.loads((folder / "ulip_labels.json").read_text(encoding="utf-8"))
    assert class_list("modelnet40").words == tuple(labels["modelnet40"])
    names = (folder / "modelnet40_shape_names.txt").read_text(encoding="utf-8").split()
    assert class_list("modelnet40").official == tuple(names)
    synsets = {
        line.split("-")[0] for line in (folder / "shapenet55_test.txt").read_text(encoding="utf-8").split()
    }
    assert synsets == set(SHAPENET55_SYNSETS)


def test_an_unknown_list_is_told_what_there_is():
    with pytest.raises(ConfigError, match="did you mean 'modelnet40'"):
        class_list("modelnet_40")


def test_own_names_lose_spare_spaces_and_underscores_and_nothing_else():
    assert own_classes(["  night_stand", "Chair ", "l'étagère"]).names == (
        "night stand",
        "Chair",
        "l'étagère",
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["chair", "table", " Chair", "tab_le", "TABLE"], r"'chair' \(1\) and 'Chair' \(3\).*'table' \(2\)"),
        (["night stand", "Night_Stand"], "given twice"),
        (["chair", "  ", "table"], "class name 2 of 3 is empty"),
        (["chair"], r"1 class names are given \(chair\).*nothing to choose"),
        ([], "0 class names"),
        (["chair", "x" * 201], "201 letters"),
        (["chair", "ta\x07ble"], "control characters"),
        (["chair", *(f"part {number}" for number in range(100_000))], "at most 100000"),
    ],
)
def test_lists_that_tell_nothing_apart_are_refused_with_the_reason(names, said):
    with pytest.raises(ConfigError, match=said):
        own_classes(names)


def test_five_thousand_names_are_taken_as_they_are():
    names = [f"part {number}" for number in range(5000)]
    assert own_classes(names).names == tuple(names)
    assert own_classes(names).advice == ""


def test_names_in_other_scripts_are_taken_with_advice_and_accents_without():
    found = own_classes(["стул", "стол", "fauteuil à bascule", "椅子"])
    assert found.names == ("стул", "стол", "fauteuil à bascule", "椅子")
    assert found.advice.startswith("3 of 4 class names are not in Latin letters (стул, стол, 椅子)")


def test_a_command_line_names_classes_a_list_or_a_file(tmp_path):
    assert parse_classes("chair, table,floor lamp").names == ("chair", "table", "floor lamp")
    assert parse_classes("modelnet10").names == class_list("modelnet10").words
    (tmp_path / "names.txt").write_text("\ufeffchair\nnight_stand\n\n", encoding="utf-8")
    assert parse_classes(str(tmp_path / "names.txt")).names == ("chair", "night stand")
    (tmp_path / "names.json").write_text('["chair", "table"]', encoding="utf-8")
    assert read_classes(tmp_path / "names.json").names == ("chair", "table")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", None, "no readable list"),
        ("a.txt", b"\xff\xfe\x00", "no readable list"),
        ("a.json", b"{", "no readable list"),
        ("a.json", b'{"chair": 1}', "holds a dict"),
        ("a.json", b'["chair", 3]', "holds a list"),
        ("a.txt", b"chair\n\ntable\n", "a.txt': class name 2 of 3 is empty"),
    ],
)
def test_a_file_that_holds_no_names_is_named(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_classes(tmp_path / name)
