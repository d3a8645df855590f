"""`anaglyph evaluate`: measure trained weights on a split."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Literal

import tyro


def evaluate(
    weights: tyro.conf.Positional[Path],
    *,
    split: Literal["train", "validation", "test"] = "test",
    views: int | None = None,
    zero_shot: bool = False,
    data: str = "",
    inputs: tuple[Literal["points", "images", "fused", "sum"], ...] = (),
    classes: tuple[str, ...] = (),
    templates: str = "",
    gallery: Literal["split", "all"] = "split",
    image_tower: str = "",
    text_tower: str = "",
    report: Path | None = None,
    mode: Literal["simple", "full", "shapenet"] = "simple",
    votes: int = 0,
    released_maximum_of: int = 0,
    probe: Literal["none", "svm"] = "none",
    few_shot: str = "",
    folds: int = 10,
    points: int = 1024,
    shapes: str = "",
    shapes_version: Literal["v1", "v2"] = "v1",
    shapes_categories: tuple[str, ...] = ("bed", "chair", "sofa", "table"),
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = (),
    device: Literal["auto", "cpu", "cuda"] = "auto",
    data_root: Path | None = None,
    json: bool = False,
) -> int:
    """Measure trained weights on held-out data.

    Pairs of pictures and shapes: mAP over the whole gallery and recall@k, both ways. Pictures that look for
    their shape: top-1, top-10 and top-1 category, overall and per category. Clouds, pictures and words: class
    names by the nearest text vector (--zero-shot), and recall@k in every direction.

    Args:
        weights: a run folder (its last stage), a stage's artefact folder or a weights file; with --zero-shot
            also mini, a file of `models export`, or an imported official encoder with towers.
        split: which objects to measure on.
        views: how many views of each image to average, evenly spaced; all by default.
        zero_shot: name objects without examples, of the run's own data set or another (--data), and show
            every inference mode, class and confusion.
        data: zero-shot data set to measure on instead of the run's own; --set changes its options.
        inputs: inference modes: points, images, fused (one vector of both) or sum (of both logits); all that
            the method and the data allow by default.
        classes: only objects of these classes, and only these names to choose from.
        templates: sentences around class names (official64, photo, point_cloud, article, plain), where a text
            tower is at hand; by default the class vectors that the data set brings.
        image_tower: kind:source, such as clip:FOLDER, instead of the image tower of the training; official
            encoders name none, and without one read no pictures.
        text_tower: the same for class names and captions.
        gallery: among which objects those of the split look for one another: their own split's, or all of the
            data set's, training objects included.
        report: folder for report.html and report.json with the tables and confusions of --zero-shot.
        mode: for pictures that look for their shape: simple (accuracies), full (also distance and overlap of
            the first hit and the true shape) or shapenet (only those, among other shapes of its category);
            for clouds, pictures and words full adds mAP by class, and clouds that find themselves drawn anew.
        votes: for a classifier of `anaglyph finetune`: also average the answers to this many random views of
            each cloud; 10 is usual.
        released_maximum_of: repeat all votes this often (299 as published) and show the best repetition on
            the test split, the way published numbers with votes are made. NOT A FAIR NUMBER.
        probe: svm measures the frozen encoder by a linear machine on --data (or the run's own), whose C is
            chosen on the training split; weights may then be an official file, too.
        few_shot: with --probe svm, episodes such as 5way10shot: mean and spread over folds.
        folds: how many episodes.
        points: with --probe, points of each cloud.
        shapes: folder of ShapeNetCore below the data root, which mode shapenet searches.
        shapes_version: how its models lie and stand: v1 (ID/model.obj), v2 (ID/models/model_normalized.obj).
        shapes_categories: its categories to search.
        set: changes to the data set's options, such as drop_duplicates=true or evaluation_points=512.
        device: where to embed.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print the numbers as JSON.
    """
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.tables import show_table
    from anaglyph.data.datasets.shapenet_shapes import ShapeNetShapes
    from anaglyph.engine.study import measure_weights
    from anaglyph.errors import ConfigError

    alone: dict[str, object] = {"--data": data, "--inputs": inputs, "--classes": classes}
    alone |= {"--templates": templates, "--report": report}
    alone |= {"--image-tower": image_tower, "--text-tower": text_tower}
    if zero_shot:
        from anaglyph.cli.zero_shot import show_zero_shot
        from anaglyph.engine.zero_shot import ZeroShotOptions, measure_zero_shot

        options = ZeroShotOptions(
            data=data, assignments=set, split=split, inputs=inputs, views=views, classes=classes,
            templates=templates, gallery=gallery, image_tower=image_tower, text_tower=text_tower, mode=mode,
            device=device, data_root=root(data_root), cache=cache_folder(),
        )  # fmt: skip
        return show_zero_shot(measure_zero_shot(weights, options, report=report), json=json)
    if probe != "none":
        return _probe(
            weights, data=data, assignments=set, split=split, few_shot=few_shot, folds=folds, points=points,
            device=device, data_root=data_root, json=json,
        )  # fmt: skip
    if few_shot:
        raise ConfigError(
            "--few-shot belongs to --probe svm; add that, or fine-tune on episodes: anaglyph finetune "
            "RUN --few-shot 5way10shot."
        )
    alone["--gallery"] = gallery if gallery != "split" else ""
    if any(alone.values()):
        given = ", ".join(name for name, value in alone.items() if value)
        raise ConfigError(f"{given} belongs to --zero-shot; add that, or leave it out.")
    others = None
    if shapes:
        others = ShapeNetShapes(folder=shapes, version=shapes_version, categories=shapes_categories)
    measured = measure_weights(
        weights,
        split=split,
        views=views,
        mode=mode,
        shapes=others,
        assignments=set,
        votes=votes,
        released_maximum_of=released_maximum_of,
        device=device,
        data_root=root(data_root),
        cache=cache_folder(),
    )
    if json:
        print(jsonlib.dumps(measured))
    else:
        rows = [[name, f"{value:.4f}"] for name, value in measured["metrics"].items()]
        show_table(
            f"{measured['method']} on {measured['data']}, {split}: {measured['inputs']}",
            ["metric", "value"],
            rows,
        )
        groups = measured["groups"]
        if groups:
            columns = list(next(iter(groups.values())))
            table = [
                [name, *(f"{group[column]:.4g}" for column in columns)] for name, group in groups.items()
            ]
            show_table("By category", ["category", *columns], table)
    return 0


def _probe(
    weights: Path,
    *,
    data: str,
    assignments: tuple[str, ...],
    split: Literal["train", "validation", "test"],
    few_shot: str,
    folds: int,
    points: int,
    device: Literal["auto", "cpu", "cuda"],
    data_root: Path | None,
    json: bool,
) -> int:
    """A frozen encoder by a linear machine."""
    from anaglyph.cli.few_shot import show_probe
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.data.episodes import parse_episode
    from anaglyph.engine.encoder_of import data_of, find_point_encoder
    from anaglyph.engine.probing import Probe, probe

    asked = Probe(
        encoder=find_point_encoder(str(weights)),
        data=data_of(weights, data=data, assignments=assignments),
        split=split,
        points=points,
        episode=parse_episode(few_shot) if few_shot else None,
        folds=folds,
        device=device,
    )
    found = probe(asked, data_root=root(data_root), cache=cache_folder())
    if json:
        print(jsonlib.dumps(found))
    else:
        show_probe(found)
    return 0
