"""`anaglyph classify`: models, clouds and pictures in, a class with its score for each out."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.engine.classify import Named, Unnamed

SHOWN = 40
"""Rows on a terminal; files hold all."""


def classify(
    inputs: tyro.conf.Positional[tuple[Path, ...]],
    *,
    model: str = "mini",
    classes: str = "",
    top: int = 3,
    csv: Path | None = None,
    html: Path | None = None,
    up: Literal["auto", "y", "z"] = "auto",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    data_root: Path | None = None,
    json: bool = False,
) -> int:
    """Name 3D models, point clouds and pictures by a list of classes, without a single label.

    A model is looked at twice, by pictures drawn of it and by points of its surface; a picture or a cloud
    once. The class is the one with the highest mean of both probabilities. From 20 models on, scores are
    scaled so that on average they are the share of models on which picture and points agree; fewer leave them
    uncalibrated. "unsure" marks scores below 0.5.

    Args:
        inputs: files, and folders that are searched at any depth.
        model: mini, which comes with the package; another space; or a run of crossmost, such as
            runs/folder_crossmost_best/seed-0, which knows its classes.
        classes: what an object may be: names with commas between, a list such as modelnet40, or a .txt or
            .json file of names. A run has its own.
        top: classes shown of each object.
        csv: file for a table of all scores.
        html: file for a page with pictures, which needs nothing beside it.
        up: which axis is up in models; auto takes the file's word or its format's convention.
        device: where to compute.
        data_root: folder of data sets; default $ANAGLYPH_DATA, else ../shared/data.
        json: print the results as JSON.
    """
    from anaglyph.cli.places import cache_folder
    from anaglyph.cli.places import data_root as root
    from anaglyph.data.own_classes import parse_classes
    from anaglyph.engine.classify import name_objects, open_namer
    from anaglyph.engine.classify_inputs import read_unnamed
    from anaglyph.engine.devices import find_device
    from anaglyph.geometry.mesh_channel import printable

    if not inputs:
        raise ConfigError("nothing to classify; name files or folders of models, clouds or pictures.")
    if top < 1:
        raise ConfigError(f"--top is {top}; give a whole number of 1 or more.")
    _check_places(csv, html)
    own = parse_classes(classes) if classes.strip() else None
    if own is not None and own.advice:
        print(own.advice, file=sys.stderr)
    names = () if own is None else own.names
    namer = open_namer(model, names, root=root(data_root), device=find_device(device))
    found = read_unnamed(inputs, pixels=namer.pixels, read_picture=_picture, up=up, cache=cache_folder())
    named = name_objects(found.objects, namer)
    rows = plain_rows(found.objects, named, top=top)
    _files(rows, found.objects, named, csv=csv, html=html, model=namer.name, left_out=found.left_out)
    for path, why in found.left_out.items():
        print(f"left out: {printable(path)}: {printable(why)}", file=sys.stderr)
    if json:
        about = {"model": namer.name, "classes": list(named.classes), "calibrated": named.calibrated}
        about |= {"agreement": named.agreement, "rule": named.rule}
        print(jsonlib.dumps({**about, "objects": rows, "left_out": found.left_out}))
        return 0
    _show(rows, named, files=[path for path in (csv, html) if path is not None])
    return 0


def _check_places(*files: Path | None) -> None:
    """ConfigError for a file that cannot be written, before minutes of work."""
    for path in files:
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise ConfigError(
                f"'{path}' cannot be written: it is a folder, or there is no folder '{path.parent}'. Make "
                f"the folder, or name another file."
            )


def plain_rows(objects: tuple[Unnamed, ...], named: Named, *, top: int) -> list[dict[str, Any]]:
    """One plain mapping for each object."""
    rows = []
    for row, each in enumerate(objects):
        best = named.top(row, min(top, len(named.classes)))
        rows.append(
            {
                "file": each.key,
                "class": best[0][0],
                "score": round(best[0][1], 4),
                "unsure": named.unsure(row),
                "picture": _rounded(named.score("image", row, best[0][0])),
                "points": _rounded(named.score("shape", row, best[0][0])),
                "top": [{"class": name, "score": round(score, 4)} for name, score in best],
            }
        )
    return rows


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _picture(path: Path, side: int) -> Any:
    from anaglyph.search.parts import PicturePart
    from anaglyph.search.query_pictures import prepared_picture

    return prepared_picture(PicturePart(data=path.read_bytes(), name=str(path)), pixels=side)[0]


def _show(rows: list[dict[str, Any]], named: Named, *, files: list[Path]) -> None:
    from anaglyph.cli.tables import show_table
    from anaglyph.geometry.mesh_channel import printable

    cells = []
    for row in rows[:SHOWN]:
        others = ", ".join(f"{each['class']} {each['score']:.2f}" for each in row["top"][1:])
        said = f"{row['class']}, unsure" if row["unsure"] else row["class"]
        cells.append(
            [
                printable(row["file"]),
                said,
                f"{row['score']:.2f}",
                _cell(row["picture"]),
                _cell(row["points"]),
                others,
            ]
        )
    unsure = sum(row["unsure"] for row in rows)
    title = f"{len(rows)} objects, {len(named.classes)} classes, {unsure} unsure"
    show_table(title, ["file", "class", "score", "picture", "points", "next"], cells)
    if len(rows) > SHOWN:
        print(f"... and {len(rows) - SHOWN} more; --csv FILE or --html FILE holds all.")
    print(named.rule)
    for path in files:
        print(f"Written: {path}")


def _cell(score: float | None) -> str:
    return "" if score is None else f"{score:.2f}"


def _files(
    rows: list[dict[str, Any]],
    objects: tuple[Unnamed, ...],
    named: Named,
    *,
    csv: Path | None,
    html: Path | None,
    model: str,
    left_out: dict[str, str],
) -> None:
    from anaglyph.evaluation.named_page import Card, named_page
    from anaglyph.io.atomic import write_text

    if csv is not None:
        write_text(csv, _csv(rows, named))
    if html is not None:
        cards = [
            Card(
                file=row["file"],
                pictures=each.pictures,
                top=tuple((best["class"], best["score"]) for best in row["top"]),
                unsure=row["unsure"],
                picture=row["picture"],
                points=row["points"],
            )
            for row, each in zip(rows, objects, strict=True)
        ]
        write_text(
            html, named_page(cards, classes=named.classes, rule=named.rule, model=model, left_out=left_out)
        )


def _csv(rows: list[dict[str, Any]], named: Named) -> str:
    from anaglyph.evaluation.page_parts import encodable
    from anaglyph.search.export import csv_text

    columns = ("file", "class", "score", "unsure", "picture", "points")
    table = [
        {
            **{name: row[name] for name in columns},
            **{f"score of {name}": round(float(s), 4) for name, s in zip(named.classes, scores, strict=True)},
        }
        for row, scores in zip(rows, named.scores["joint"], strict=True)
    ]
    return encodable(csv_text((*columns, *(f"score of {name}" for name in named.classes)), table))
