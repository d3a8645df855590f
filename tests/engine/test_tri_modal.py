"""Clouds, pictures and words that look for one another, and names for objects, by inference mode."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from anaglyph.data.records import TextSource
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.engine.asking_texts import asking_texts, text_objects
from anaglyph.engine.input_vectors import (
    RESAMPLED,
    choose_inputs,
    embed_inputs,
    one_text_each,
    resampled_clouds,
    turned_clouds,
    up_axis,
)
from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.choice import task_of
from anaglyph.engine.tasks.directions import directions
from anaglyph.engine.tasks.tri_modal import TriModal
from anaglyph.engine.tasks.zero_shot import ZeroShot
from anaglyph.errors import ConfigError
from anaglyph.evaluation.cross_retrieval import Side, cross_retrieval
from anaglyph.evaluation.report import Report, write_report
from anaglyph.methods.base import Method
from embedded_toys import NAMES, Reader, ToyRecords, toy_objects

CPU = torch.device("cpu")
ASKED = Asked(device=CPU)
SIX = ("points", "images", "text")


def measured(split, **asked):
    return task_of(split).measure(Reader(), split, Asked(device=CPU, **asked))


def test_the_task_follows_from_whether_class_names_have_vectors():
    assert task_of(toy_objects()).name == "zero_shot"
    assert task_of(toy_objects(class_features=None)).name == "tri_modal"


def test_a_method_that_knows_names_and_finds_everything_by_every_input():
    found = measured(toy_objects()).metrics
    for mode in ("points", "images", "fused", "sum"):
        assert found[f"{mode}_top_1"] == found[f"{mode}_top_3"] == found[f"{mode}_class_mean"] == 1
        assert f"{mode}_top_5" not in found, "there are three classes"
    for query, items in directions((*SIX, "fused", "sum")):
        assert found[f"{query}_to_{items}_recall_at_1"] == 1, (query, items)
        assert found[f"{query}_to_{items}_category_at_1"] == 1
    assert found["objects"] == 6


def test_all_six_directions_are_measured_and_nothing_looks_for_what_it_is_made_of():
    six = [(query, items) for query in SIX for items in SIX if query != items]
    pairs = directions((*SIX, "fused", "sum"))
    assert set(six) < set(pairs)
    assert set(pairs) - set(six) == {
        ("fused", "text"), ("text", "fused"), ("sum", "text"), ("text", "sum"),
    }  # fmt: skip


def test_each_mode_uses_its_own_inputs():
    labels = (0, 1, 2, 0, 1, 2)
    split = toy_objects(labels, said=(1, 1, 2, 0, 1, 2))  # the first cloud lies, its picture does not
    found = measured(split)
    assert found.metrics["points_top_1"] == pytest.approx(5 / 6)
    assert found.metrics["images_top_1"] == 1
    assert found.metrics["points_class_mean"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert found.groups["bowl"] == {
        "objects": 2, "points_top_1": 0.5, "images_top_1": 1,
        "fused_top_1": found.groups["bowl"]["fused_top_1"], "sum_top_1": found.groups["bowl"]["sum_top_1"],
    }  # fmt: skip
    heat = found.heat_maps[0]
    assert heat.title == "What is taken for what, by points"
    assert [[cell.count for cell in row] for row in heat.rows] == [[1, 1, 0], [0, 2, 0], [0, 0, 2]]
    worst = next(table for table in found.further if "one another" in table.title)
    assert worst.rows[0] == ["points", "bowl", "chair", 1, 0.5]


def test_a_sum_of_logits_is_the_sum_of_cosines():
    split = toy_objects(said=(1, 1, 2, 0, 1, 2))
    vectors = embed_inputs(Reader(), split, device=CPU, inputs=("points", "images", "sum"))
    logits = (vectors.vectors["shape"] + vectors.vectors["image"]) @ torch.eye(3)
    expected = float((logits.argmax(dim=1) == torch.from_numpy(split.labels)).double().mean())
    assert measured(split).metrics["sum_top_1"] == pytest.approx(expected)


def test_only_the_inputs_asked_for_are_measured_and_every_key_names_them():
    found = measured(toy_objects(), inputs=("images",)).metrics
    modes = {key.split("_")[0] for key in found if "_top_" in key or "class_mean" in key}
    assert modes == {"images"}
    assert {"images_to_text_recall_at_1", "text_to_images_recall_at_1"} <= set(found)
    assert not any("points" in key for key in found)


def test_inputs_that_are_not_there_are_refused_with_what_is():
    class NoFusion(Reader):
        inputs: ClassVar = {name: fields for name, fields in Reader.inputs.items() if name != "fused"}

    assert choose_inputs(NoFusion(), toy_objects()) == ("points", "images", "sum")
    with pytest.raises(
        ConfigError, match=r"inputs fused cannot be measured: NoFusion .* has points, images, sum"
    ):
        choose_inputs(NoFusion(), toy_objects(), ("points", "fused"))
    with pytest.raises(ConfigError, match="inputs pictures cannot"):
        choose_inputs(Reader(), toy_objects(), ("pictures",))


def test_every_text_asks_by_itself_and_objects_without_one_are_left_out():
    split = toy_objects(captions=[2, 0, 1, 3, 1, 0])
    found = measured(split).metrics
    assert found["text_to_points_queries"] == 7
    assert found["text_to_points_items"] == 6
    assert found["points_to_text_queries"] == found["points_to_text_items"] == 4
    assert found["points_to_text_left_out"] == 2
    vectors = embed_inputs(Reader(), split, device=CPU, inputs=("points",))
    assert vectors.text_objects.tolist() == [0, 0, 2, 3, 3, 3, 4]


def test_a_text_is_embedded_alone_so_that_others_of_its_object_do_not_count():
    batch = toy_objects(captions=[2, 1, 1, 1, 1, 1]).batch([1, 0], epoch=None)
    rows = one_text_each(batch, [np.array([True]), np.array([True, True])])
    assert rows.keys == ("o1", "o0", "o0")
    assert rows.text_features.shape == (3, 1, 3)
    assert torch.equal(rows.text_features[2, 0], batch.text_features[1, 1])
    assert rows.text_present.all()
    assert rows.points is None


@pytest.mark.parametrize(
    ("sources", "asking"),
    [
        ([TextSource.NAME, TextSource.CAPTION, TextSource.RETRIEVED], [False, True, False]),
        ([TextSource.REJECTED_NAME, TextSource.OTHER_CAPTION, TextSource.CAPTION], [True, True]),
        ([TextSource.RETRIEVED, TextSource.NAME], [False, True]),
        ([TextSource.RETRIEVED, TextSource.REJECTED_NAME], [True]),
        ([TextSource.REJECTED_NAME], []),
    ],
)
def test_captions_look_for_their_object_and_names_only_where_there_are_none(sources, asking):
    split = toy_objects((0, 1))
    first = split.records.records[0]
    many = replace(
        first,
        texts=np.eye(3, dtype=np.float32)[: len(sources)],
        sources=np.array(sources, np.uint8),
    )
    split = replace(split, records=ToyRecords(("a", "b"), (many, split.records.records[1])))
    assert [mask.tolist() for mask in asking_texts(split, [0, 1])] == [asking, [True]]
    vectors = embed_inputs(Reader(), split, device=CPU, inputs=("points",))
    assert vectors.text_objects.tolist() == text_objects(split).tolist() == [0] * sum(asking) + [1]
    shown = [place for place, source in enumerate(sources) if source != TextSource.REJECTED_NAME]
    expected = torch.eye(3)[[place for place, asks in zip(shown, asking, strict=True) if asks]]
    assert torch.equal(vectors.texts[:-1], expected)


def test_retrieval_numbers_are_those_of_the_metric_on_the_same_vectors():
    split = toy_objects(said=(1, 1, 0, 0, 1, 2), shown=(0, 2, 2, 0, 1, 1), captions=[1, 2, 1, 1, 1, 2])
    vectors = embed_inputs(Reader(), split, device=CPU, inputs=("points", "images"))
    found = measured(split).metrics
    expected = cross_retrieval(
        Side(vectors.texts, vectors.text_objects), Side.one_each(vectors.vectors["shape"]),
        categories=torch.from_numpy(split.labels),
    )  # fmt: skip
    assert found["text_to_points_recall_at_1"] == expected.recall[1]
    assert found["text_to_points_median_rank"] == expected.median_rank
    assert found["text_to_points_mean_reciprocal_rank"] == expected.mean_reciprocal_rank
    assert found["text_to_points_category_at_1"] == expected.category


def test_objects_beside_are_looked_through_and_ask_nothing():
    whole = toy_objects(said=(1, 1, 0, 0, 1, 2), shown=(0, 2, 2, 0, 1, 1), captions=[1, 2, 1, 1, 1, 2])
    first, rest = whole.subset(np.arange(2)), whole.subset(np.arange(2, 6))
    found = measured(first, beside=(rest,))
    vectors = embed_inputs(Reader(), whole, device=CPU, inputs=("points", "images"))
    asking = vectors.text_objects < 2
    expected = cross_retrieval(
        Side(vectors.texts[asking], vectors.text_objects[asking]), Side.one_each(vectors.vectors["shape"]),
        categories=torch.from_numpy(whole.labels),
    )  # fmt: skip
    assert found.metrics["text_to_points_queries"] == 3
    assert found.metrics["text_to_points_items"] == found.chance["text_to_points_items"] == 6
    assert found.metrics["text_to_points_mean_rank"] == expected.mean_rank
    assert found.metrics["text_to_points_category_at_1"] == expected.category
    assert found.chance["points_to_text_recall_at_1"] == pytest.approx(1 / 6)
    assert found.metrics["objects"] == 2, "names are asked for the objects that ask"


def test_chance_without_a_method_is_chance_beside_the_numbers():
    split = toy_objects(captions=[2, 0, 1, 3, 1, 0])
    task = task_of(split)
    apart, beside = task.chance(split, seed=0), measured(split).chance
    assert apart["points_top_1"] == apart["sum_class_mean"] == pytest.approx(1 / 3)
    assert apart["text_to_points_recall_at_1"] == pytest.approx(1 / 6)
    assert apart["points_to_text_recall_at_1"] == pytest.approx(1 / 4)
    assert {key: apart[key] for key in beside} == pytest.approx(dict(beside))
    assert set(beside) <= set(measured(split).metrics)
    assert task.headline in apart


def test_without_class_names_the_headline_is_clouds_that_find_their_text():
    split = toy_objects(class_features=None)
    found = measured(split)
    assert TriModal.headline == "points_to_text_recall_at_1"
    assert found.metrics[TriModal.headline] == 1
    assert not any("top_1" in key for key in found.metrics)
    assert found.groups == {}
    assert ZeroShot.headline == "points_top_1"


def test_a_split_without_words_of_any_kind_is_refused():
    split = toy_objects(class_features=None, captions=[0] * 6)
    with pytest.raises(ConfigError, match="neither texts nor vectors of its class names"):
        measured(split)


def test_class_names_alone_are_enough_for_clouds_without_pictures_and_texts():
    class Points(Reader):
        inputs: ClassVar = {"shape": ("points",)}

    found = ZeroShot().measure(Points(), toy_objects(), ASKED)
    assert found.metrics["points_top_1"] == 1
    assert not any("_to_" in key for key in found.metrics)


def test_a_method_that_knows_no_class_names_is_refused():
    class Plain(Method):
        inputs = Reader.inputs
        embed = Reader.embed

        def __init__(self):
            super().__init__()
            self.seen, self.scale = [], torch.ones(())

    with pytest.raises(ConfigError, match="Plain has no class_vectors"):
        ZeroShot().measure(Plain(), toy_objects(), ASKED)


def test_labels_never_reach_the_method_and_its_mode_is_put_back():
    method = Reader().train()
    ZeroShot().measure(method, toy_objects(), ASKED)
    assert method.training
    assert method.seen
    assert all(batch.labels is None for _, batch in method.seen)


@pytest.mark.parametrize("views", [1, 2, 4])
def test_views_asked_for_are_evenly_spread_over_the_vectors_of_pictures(views):
    method = Reader()
    ZeroShot().measure(method, toy_objects(), Asked(device=CPU, views=views))
    pictures = [batch.image_features for modality, batch in method.seen if modality == "image"]
    assert {each.shape[1] for each in pictures} == {views}
    assert "vectors of 2 picture(s)" in ZeroShot().inputs(toy_objects(), Asked(device=CPU, views=2))


def test_more_views_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="5 views are asked for; the pictures have 1 to 4"):
        measured(toy_objects(), views=5)


def test_measuring_twice_gives_the_same_numbers():
    split = toy_objects(said=(1, 1, 0, 0, 1, 2))
    assert measured(split, mode="full").metrics == measured(split, mode="full").metrics


def test_full_mode_adds_precision_by_category_and_clouds_drawn_anew():
    found = measured(toy_objects(), mode="full").metrics
    assert found["text_to_points_map"] == 1
    assert found["resampled_to_points_recall_at_1"] == 1, "the colour of a cloud does not change"
    assert "resampled_to_points_recall_at_1" not in measured(toy_objects()).metrics


def test_a_cloud_drawn_anew_holds_half_of_the_stored_points_turned_about_the_up_axis():
    split = toy_objects()
    again = resampled_clouds(split).batch([0, 1], epoch=0)
    assert again.points.shape == (2, 6, 6)
    stored = {tuple(point) for point in split.records.read(0).points.tolist()}
    assert {tuple(point) for point in again.points[0].tolist()} < stored
    turned = turned_clouds(again, up=1, seed=0).points
    assert torch.equal(turned[..., 1], again.points[..., 1])
    assert torch.equal(turned[..., 3:], again.points[..., 3:])
    assert not torch.allclose(turned[..., 0], again.points[..., 0])
    torch.testing.assert_close(turned[..., :3].norm(dim=-1), again.points[..., :3].norm(dim=-1))
    alone = turned_clouds(resampled_clouds(split).batch([1], epoch=0), up=1, seed=0).points
    torch.testing.assert_close(alone[0], turned[1])


def test_up_is_y_as_stored_and_z_when_the_pipeline_swaps():
    assert up_axis(toy_objects()) == 1
    assert up_axis(toy_objects(clouds=CloudPipeline(swap_yz=True))) == 2


def test_a_cloud_drawn_anew_is_not_augmented():
    loud = CloudPipeline(points=6, scale=(2.0, 2.0), shift=1.0, dropout=0.9, colour_drop=1.0, turn=True)
    split = toy_objects(clouds=loud)
    again = resampled_clouds(split).batch([0], epoch=0)
    stored = {tuple(point) for point in split.records.read(0).points.tolist()}
    assert {tuple(point) for point in again.points[0].tolist()} <= stored


def test_other_tasks_modes_are_refused():
    with pytest.raises(ConfigError, match="shapenet is for pictures"):
        measured(toy_objects(), mode="shapenet")


def test_tables_say_which_inputs_every_row_used_and_stand_beside_chance(tmp_path):
    split = toy_objects(said=(1, 1, 2, 0, 1, 2))
    found = measured(split, mode="full")
    tables = {table.title: table for table in task_of(split).tables(found)}
    modes = tables["Zero-shot accuracy by inputs"]
    assert modes.columns == ["inputs", "top-1", "top-3", "class mean"]
    assert [row[0] for row in modes.rows] == ["points", "images", "fused", "sum", "chance"]
    assert modes.rows[-1][1] == pytest.approx(1 / 3)
    looks = tables["What looks for what"]
    assert {"points → text", "text → sum", "resampled → points"} < {row[0] for row in looks.rows}
    assert looks.rows[-1][0].startswith("chance")
    assert "No pictures are drawn" in looks.note
    classes = tables["Every class by itself"]
    assert classes.columns[2:] == ["points top-1", "images top-1", "fused top-1", "sum top-1"]
    assert classes.rows[0][:3] == ["bowl", 2, 0.5]
    page = write_report(
        Report(title="t", method="m", preset="p", tables=list(tables.values()), heat_maps=found.heat_maps),
        tmp_path,
    ).read_text(encoding="utf-8")
    assert "1 of 2 bowl: taken for chair" in page


def test_a_report_says_what_was_seen_in_training():
    train, test = toy_objects((0, 0, 1)), toy_objects()
    said = ZeroShot().seen(train, test, labels=False)
    assert said == (
        "3 objects were seen in training, without labels; 6 others are asked about here, of 3 classes, 1 of "
        "which no training object has."
    )
    assert "3 class names to choose from" in ZeroShot().inputs(test, ASKED)
    assert ZeroShot().galleries(Reader(), test, ASKED) == []


def test_of_very_many_classes_the_ends_of_the_table_are_shown():
    many = 150
    split = toy_objects()
    groups = {f"c{row:03}": {"objects": 1.0, "points_top_1": row / many} for row in range(many)}
    found = replace(measured(split), groups=groups)
    table = next(each for each in task_of(split).tables(found) if each.title == "Every class by itself")
    assert len(table.rows) == 120
    assert table.rows[0][0] == "c000"
    assert table.rows[-1][0] == "c149"
    assert "Of 150 classes the 60 at either end" in table.note


def test_the_names_of_classes_are_those_of_the_split():
    assert list(measured(toy_objects()).groups) == list(NAMES)
    assert list(measured(toy_objects((0, 0, 2, 2))).groups) == ["bowl", "lamp"]
    assert np.array_equal(toy_objects().labels, [0, 1, 2, 0, 1, 2])


def test_resampled_vectors_stand_beside_the_others():
    vectors = embed_inputs(Reader(), toy_objects(), device=CPU, inputs=("points",), resampled=True)
    assert set(vectors.vectors) == {"shape", RESAMPLED}
    assert len(vectors.vectors[RESAMPLED]) == 6
