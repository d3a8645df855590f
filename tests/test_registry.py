"""Catalogs: explicit, imported late, extended by entry points, helpful when a name is wrong."""

import math
from importlib.metadata import EntryPoint

import pytest

from anaglyph import registry
from anaglyph.data.catalog import DATASETS
from anaglyph.encoders.catalog import ENCODERS
from anaglyph.errors import ConfigError
from anaglyph.methods.catalog import METHODS
from anaglyph.registry import Catalog, Entry

SHAPES = Catalog(
    "shape",
    {
        "circle": Entry("math:pi", "round", tags=("flat",)),
        "circus": Entry("no.such.module:thing", "broken on purpose", tags=("flat", "loud")),
        "cube": Entry("math:e", "square in space"),
    },
)


def test_names_are_sorted_and_filtered_by_pattern_and_tag():
    assert SHAPES.names() == ["circle", "circus", "cube"]
    assert SHAPES.names("circ*") == ["circle", "circus"]
    assert SHAPES.names("c*", tag="loud") == ["circus"]
    assert SHAPES.names("x*") == []


def test_only_what_is_asked_for_is_imported():
    assert SHAPES.load("circle") == math.pi
    with pytest.raises(ModuleNotFoundError):
        SHAPES.load("circus")


def test_an_unknown_name_comes_with_the_closest_and_with_all():
    with pytest.raises(
        ConfigError, match=r"no shape 'circel'; did you mean 'circle'\? All: circle, circus, cube"
    ):
        SHAPES.entry("circel")
    with pytest.raises(ConfigError, match=r"no shape 'zzz'\. All"):
        SHAPES.load("zzz")


def test_other_packages_add_names_through_entry_points_but_replace_none(monkeypatch):
    asked = []

    def points(*, group):
        asked.append(group)
        return [
            EntryPoint("torus", "math:tau", group),
            EntryPoint("cube", "math:tau", group),
        ]

    monkeypatch.setattr(registry, "entry_points", points)
    assert SHAPES.names() == ["circle", "circus", "cube", "torus"]
    assert SHAPES.load("torus") == math.tau
    assert SHAPES.load("cube") == math.e
    assert set(asked) == {"anaglyph.shapes"}


@pytest.mark.parametrize(
    ("catalog", "name"),
    [(catalog, name) for catalog in (METHODS, ENCODERS, DATASETS) for name in catalog.entries],
)
def test_every_entry_that_ships_can_be_loaded_and_has_a_summary(catalog, name):
    assert callable(catalog.load(name))
    assert catalog.entry(name).summary
