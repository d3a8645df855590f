"""Rows of chance: one for each data set, more where options of it change what chance is."""

from anaglyph.engine.chance import chance_of, grouped
from anaglyph.engine.run import RunOptions
from anaglyph.engine.tasks.shape_retrieval import ShapeRetrieval
from tiny_runs import tiny_recipe


def test_recipes_on_one_data_set_with_the_same_chance_share_its_row():
    chance = grouped({"a": "x", "b": "x", "c": "y"}, {"a": {"m": 0.1}, "b": {"m": 0.1}, "c": {"m": 0.1}})
    assert chance.rows == {"x": {"m": 0.1}, "y": {"m": 0.1}}
    assert chance.row_of == {"a": "x", "b": "x", "c": "y"}


def test_recipes_whose_options_change_chance_have_rows_of_their_own():
    chance = grouped({"a": "x", "b": "x", "c": "x"}, {"a": {"m": 0.1}, "b": {"m": 0.2}, "c": {"m": 0.1}})
    assert chance.rows == {"x (a, c)": {"m": 0.1}, "x (b)": {"m": 0.2}}
    assert chance.of("c") == {"m": 0.1}
    assert chance.of("b") == {"m": 0.2}


def test_chance_of_a_recipe_is_that_of_the_shapes_it_searches(tmp_path, tiny_cache):
    recipes = {"few": tiny_recipe("cmic"), "many": tiny_recipe("cmic", "data.options.shapes=15")}
    options = RunOptions(output=tmp_path, data_root=tmp_path, cache=tiny_cache)
    chance = chance_of(ShapeRetrieval(), recipes, options, seed=0)
    assert chance.of("few")["top_1"] == 1 / 12
    assert chance.of("many")["top_1"] == 1 / 15
    assert list(chance.rows) == ["procedural (few)", "procedural (many)"]
