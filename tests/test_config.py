"""Configurations: strict, exact about where a mistake is, and equal to themselves through YAML."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.config import (
    dump_yaml,
    fingerprint,
    merge,
    override,
    parse_value,
    parse_yaml,
    plain,
    read_yaml,
    structure,
)
from anaglyph.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.5
    kind: Literal["one", "two", 3] = "one"

    def __post_init__(self):
        if self.rate < 0:
            raise ConfigError(f"rate must be >= 0, got {self.rate}.")


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    count: int = 1
    flag: bool = False
    limit: float | None = None
    either: int | str = 0
    place: Path = Path()
    rates: tuple[float, ...] = ()
    pair: tuple[int, str] = (1, "a")
    words: list[str] = field(default_factory=list)
    inner: Inner = Inner()
    many: dict[str, Inner] = field(default_factory=dict)
    rows: tuple[Inner, ...] = ()
    free: dict[str, Any] = field(default_factory=dict)


def made(**values):
    return structure(Outer, {"name": "x", **values}, where="recipe")


MISTAKES = [
    ({"nmae": 1}, "recipe: no option 'nmae'; did you mean 'name'? All: count, either, flag"),
    ({1: 2}, "recipe: no option '1'"),
    ({"count": "3"}, "recipe.count must be int, got str '3'"),
    ({"count": 3.0}, "recipe.count must be int, got float 3.0"),
    ({"count": True}, "recipe.count must be int, got bool True"),
    ({"count": None}, "recipe.count must be int, got NoneType None"),
    ({"flag": 1}, "recipe.flag must be bool, got int 1"),
    ({"name": 7}, "recipe.name must be str, got int 7"),
    ({"limit": "x"}, "recipe.limit must be float, got str 'x'"),
    ({"limit": float("nan")}, "recipe.limit must be float, got float nan"),
    ({"either": 0.5}, "recipe.either must be one of int, str, got float 0.5"),
    ({"place": 3}, "recipe.place must be str, got int 3"),
    ({"rates": 3}, "recipe.rates must be a list such as [1, 2], got int 3"),
    ({"rates": "abc"}, "recipe.rates must be a list such as [1, 2], got str 'abc'"),
    ({"rates": [1, "x"]}, "recipe.rates[1] must be float, got str 'x'"),
    ({"pair": [1]}, "recipe.pair must have 2 items, got 1"),
    ({"pair": [1, 2]}, "recipe.pair[1] must be str, got int 2"),
    ({"words": ["a", 2]}, "recipe.words[1] must be str, got int 2"),
    ({"inner": 3}, "recipe.inner must be a mapping of names to values, got int 3"),
    ({"inner": {"rat": 1}}, "recipe.inner: no option 'rat'; did you mean 'rate'?"),
    ({"inner": {"kind": "tow"}}, "recipe.inner.kind: no choice 'tow'; did you mean 'two'? All: 3, one, two"),
    ({"inner": {"kind": "3"}}, "recipe.inner.kind: no choice '3'"),
    ({"inner": {"kind": True}}, "recipe.inner.kind: no choice 'True'"),
    ({"inner": {"rate": -1}}, "recipe.inner: rate must be >= 0, got -1.0."),
    ({"many": []}, "recipe.many must be a mapping"),
    ({"many": {"a": 3}}, "recipe.many.a must be a mapping"),
    ({"many": {"a": {"rate": "x"}}}, "recipe.many.a.rate must be float"),
    ({"many": {3: {}}}, "recipe.many, key 3 must be str, got int 3"),
    ({"rows": [{}, {"rate": "x"}]}, "recipe.rows[1].rate must be float"),
    ({"words": "y" * 1000}, "got str 'yyyyyyyy"),
]


@pytest.mark.parametrize(("values", "message"), MISTAKES)
def test_a_mistake_is_one_short_line_that_names_its_place(values, message):
    with pytest.raises(ConfigError) as error:
        made(**{str(key): value for key, value in values.items()}) if 1 not in values else structure(
            Outer, {"name": "x", **values}, where="recipe"
        )
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 250


def test_a_missing_required_option_is_named():
    with pytest.raises(ConfigError, match="recipe: 'name' is required but missing"):
        structure(Outer, {}, where="recipe")


def test_only_integers_become_floats_and_lists_tuples():
    config = made(limit=1, rates=[1, 0.5], pair=[2, "b"], many={"a": {"rate": 2}})
    assert config == made(limit=1.0, rates=(1.0, 0.5), pair=(2, "b"), many={"a": {"rate": 2.0}})
    assert (type(config.limit), type(config.rates), type(config.rates[0])) == (float, tuple, float)
    assert config.many["a"] == Inner(rate=2.0)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
numbers = st.floats(allow_nan=False)
inners = st.builds(
    Inner, rate=st.floats(min_value=0, allow_infinity=False), kind=st.sampled_from(["one", "two", 3])
)
outers = st.builds(
    Outer,
    name=texts,
    count=st.integers(),
    flag=st.booleans(),
    limit=st.none() | numbers,
    either=st.integers() | texts,
    rates=st.lists(numbers, max_size=4).map(tuple),
    pair=st.tuples(st.integers(), texts),
    words=st.lists(texts, max_size=3),
    inner=inners,
    many=st.dictionaries(texts, inners, max_size=3),
    rows=st.lists(inners, max_size=3).map(tuple),
)


@settings(deadline=None, max_examples=60)
@given(outers)
def test_a_config_survives_yaml_unchanged(config):
    text = dump_yaml(config)
    assert structure(Outer, parse_yaml(text), where="copy") == config
    assert structure(Outer, plain(config), where="copy") == config


@pytest.mark.parametrize(
    "text", ["1e5", "0E0", "3", "true", "", "a: b", "\x85", "x\u2028y", "ä → 鸟", "#", "\n"]
)
def test_text_that_looks_like_something_else_stays_text(text):
    assert structure(Outer, parse_yaml(dumped := dump_yaml(made(either=text))), where="copy").either == text
    assert "ä" not in text or "ä → 鸟" in dumped


def test_fields_are_written_in_their_declared_order():
    assert list(yaml.safe_load(dump_yaml(made())))[:4] == ["name", "count", "flag", "limit"]


def test_a_fingerprint_changes_with_any_value_and_not_with_the_order_of_keys():
    prints = {
        fingerprint(config)
        for config in (made(), made(count=2), made(rates=[1]), made(inner={"rate": 1}), made(free={"a": 1}))
    }
    assert len(prints) == 5
    assert all(len(text) == 16 and int(text, 16) >= 0 for text in prints)
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("0.5", 0.5), ("1e-3", 0.001), ("1E5", 100000.0), ("-2.5e+2", -250.0),
        ("true", True), ("null", None), ("name", "name"), ("[1, x]", [1, "x"]), ("{a: 1}", {"a": 1}),
        ("''", ""), ("1e", "1e"), ("e5", "e5"), (".inf", float("inf")), (".5", 0.5),
    ],
)  # fmt: skip
def test_values_are_read_as_yaml_with_plain_exponents_as_numbers(text, value):
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' stands twice"),
        ("a: {b: 1, b: 2}", "the key 'b' stands twice"),
        ("a: &x 1\nb: *x", "aliases are not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: [1", "is not plain YAML data"),
        ("a: 1\n b: 2", "line 2, column 3"),
        ("\x00", "is not plain YAML data"),
        ("? [1, 2]\n: 3", "is not plain YAML data"),
        ("- 1\n- 2", "must hold a mapping of names to values, got list"),
        ("", "must hold a mapping of names to values, got NoneType"),
        ("a: " + "[" * 25 + "]" * 25, "nested deeper than 20 levels"),
        ("a: " + "[" * 30000, "nested deeper than 20 levels"),
    ],
)
def test_yaml_that_is_not_plain_data_is_refused_in_one_line(text, message):
    with pytest.raises(ConfigError) as error:
        parse_yaml(text, where="file.yaml")
    assert message in str(error.value)
    assert "file.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_nineteen_levels_are_still_read():
    assert parse_yaml("a: " + "[" * 19 + "]" * 19)["a"] is not None


def test_a_file_above_one_mebibyte_is_refused_and_one_at_it_is_read(tmp_path):
    path = tmp_path / "big.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * ((1 << 20) - 6))
    assert read_yaml(path) == {"a": 1}
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ConfigError, match=r"big\.yaml' has 1048577 bytes; .* at most 1048576"):
        read_yaml(path)


def test_many_keys_are_checked_in_reasonable_time(tmp_path):
    path = tmp_path / "keys.yaml"
    path.write_text("".join(f"k{number}: 1\n" for number in range(20000)))
    assert len(read_yaml(path)) == 20000


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read '.*none\.yaml': No such file"):
        read_yaml(tmp_path / "none.yaml")


def test_merging_lays_mappings_over_each_other_and_replaces_everything_else():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    assert merge(base, {"a": {"c": [9]}, "e": 4}) == {"a": {"b": 1, "c": [9]}, "d": 3, "e": 4}
    assert merge(base, {"a": 5}) == {"a": 5, "d": 3}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 3}


def test_an_assignment_reaches_into_nested_data_and_makes_what_is_missing():
    data = {"a": {"b": 1, "c": 2}}
    assert override(data, "a.b=7") == {"a": {"b": 7, "c": 2}}
    assert override(data, "x.y=a=b") == {"a": {"b": 1, "c": 2}, "x": {"y": "a=b"}}
    assert data == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize("assignment", ["seed", "=3", "a..b=3", ".a=3", "a.=3", ""])
def test_what_is_not_an_assignment_is_refused_with_an_example(assignment):
    with pytest.raises(ConfigError, match=r"is not an assignment; write NAME\.NAME=VALUE, such as seed=3"):
        override({}, assignment)
