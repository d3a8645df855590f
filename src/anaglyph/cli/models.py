"""`anaglyph models`: methods, encoders and recipes by name; weights files shown and imported."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


def models(pattern: tyro.conf.Positional[str] = "*", *, json: bool = False) -> int:
    """List methods, encoders and recipes; exit code 1 when nothing matches.

    `anaglyph models show FILE` tells what a weights file is, `anaglyph models import FILE` turns official
    weights into one of ours, `anaglyph models export RUN FILE` makes a small file of a run;
    `anaglyph models list` is this.

    Args:
        pattern: shell-style pattern for names, such as 'digits*'.
        json: print JSON, with parameters, licence and input convention of each encoder.
    """
    from anaglyph.cli.tables import show_table

    rows = _rows(pattern)
    if json:
        print(jsonlib.dumps(rows))
    elif rows:
        columns = ["kind", "name", "what it is", "source", "parameters", "licence of weights"]
        table = [
            [row["kind"], row["name"], row["summary"], row["source"], _sizes(row), row.get("licence", "")]
            for row in rows
        ]
        show_table("Methods, encoders and recipes", columns, table)
    else:
        print(f"nothing is called '{pattern}'; `anaglyph models` lists everything.")
    return 0 if rows else 1


def models_show(
    file: tyro.conf.Positional[Path],
    *,
    family: Annotated[str, tyro.conf.arg(name="as")] = "",
    ema: bool = False,
    json: bool = False,
) -> int:
    """Tell what a weights file is before anything is loaded from it; exit code 1 when it cannot be used.

    Reads .pth, .pt, .t7, .th, .safetensors and MobileNet-V2's .npz. A pickle's opcodes are read, never
    run. Files that were imported already are checked as for loading, except for their numbers. Of mini and of
    files that `models export` wrote it tells what the space reads.

    Args:
        file: weights of any kind, or mini.
        family: hold it against this family instead of those it looks like.
        ema: look at the moving average of the weights.
        json: print JSON, with every key that does not fit.
    """
    from anaglyph.cli.tables import show_table
    from anaglyph.encoders.checkpoints.describe import describe, lines
    from anaglyph.encoders.spaces.describe import describe_space, is_slim

    slim = is_slim(file)
    facts = describe_space(file) if slim else describe(file, family=family or None, averaged=ema)
    if json:
        print(jsonlib.dumps(facts))
    else:
        show_table(file.name, ["fact", "value"], [[name, _short(text)] for name, text in lines(facts)])
    families = facts.get("families", [])
    usable = any(about["imports"] for about in families) or "families" not in facts
    return 0 if facts["readable"] and facts.get("loads", True) and usable else 1


def models_import(
    file: tyro.conf.Positional[Path],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    family: Annotated[str, tyro.conf.arg(name="as")] = "",
    ema: bool = False,
    set: tuple[str, ...] = (),
    force: bool = False,
    json: bool = False,
) -> int:
    """Turn official weights into safetensors with everything needed to use them; all keys must match.

    Args:
        file: an official .pth, .pt, .t7, .th or .safetensors file, or MobileNet-V2's .npz.
        output: .safetensors file to write.
        family: which repository; may be left out where only one fits. `models show` says which.
        ema: take the moving average of the weights.
        set: options.NAME=VALUE, convention.NAME=VALUE or heads.shared=VALUE, for what no file holds, such as
            options.groups=512.
        force: overwrite the output.
        json: print the header that was written as JSON.
    """
    from anaglyph.config import plain
    from anaglyph.encoders.checkpoints.importer import import_checkpoint

    header = import_checkpoint(
        file, output, family=family or None, averaged=ema, force=force, assignments=set
    )
    if json:
        print(jsonlib.dumps({"output": str(output), **plain(header)}))
        return 0
    left = sum(part.parameters for part in header.left_out.values())
    print(
        f"{output}: {header.encoder.name}, {header.parameters:,} parameters from {header.family} "
        f"({header.variant}); left out {left:,}"
        f"{' in ' + ', '.join(header.left_out) if header.left_out else ''}. Licence of the weights: "
        f"{header.licence}."
    )
    if header.fresh:
        print(f"not in the file, drawn anew: {', '.join(header.fresh)}")
    return 0


def models_export(
    run: tyro.conf.Positional[Path],
    output: tyro.conf.Positional[Path],
    *,
    licence: str = "",
    default_inputs: Literal["", "points", "sum", "fused"] = "",
    data_root: Path | None = None,
    force: bool = False,
    json: bool = False,
) -> int:
    """Write what embedding needs of a trained mixcon3d, openshape, ulip or multi_positive: a small file.

    Half precision, the moving average where there is one, and a header with clouds, towers and training.
    `evaluate --zero-shot` and search read it; towers stay where they are and are held to their fingerprints.

    Args:
        run: a run folder (its last stage), a stage's artefact folder or a weights file.
        output: .safetensors file to write.
        licence: of the weights; by default what the data set of the training says of itself.
        default_inputs: what represents an object in an index: points, sum (points and views, cosines added)
            or fused; sum by default where there is an image tower.
        data_root: where relative sources of towers start; default $ANAGLYPH_DATA, else ../shared/data.
        force: overwrite the output.
        json: print JSON.
    """
    from anaglyph.cli.places import data_root as root
    from anaglyph.engine.export import export_space

    facts = export_space(
        run, output, root=root(data_root), licence=licence, default_inputs=default_inputs, force=force
    )
    if json:
        print(jsonlib.dumps(facts))
    else:
        print(
            f"{output}: {facts['bytes'] / 1e6:.1f} MB, {facts['method']} with {facts['dim']} numbers, "
            f"fingerprint {facts['fingerprint']}. Licence: {facts['licence']}."
        )
    return 0


MODELS: dict[str, Callable[..., int]] = {
    "list": models,
    "show": models_show,
    "import": models_import,
    "export": models_export,
}
"""The subcommands; without one of them, `anaglyph models` is `list`."""


def _rows(pattern: str) -> list[dict[str, Any]]:
    from fnmatch import fnmatchcase

    from anaglyph.encoders.table import ENCODERS
    from anaglyph.engine.recipe import list_recipes, recipe_title
    from anaglyph.methods.catalog import METHODS, PRESET_FAMILIES

    rows: list[dict[str, Any]] = []
    for kind, catalog in (("method", METHODS), ("encoder", ENCODERS)):
        for name in catalog.names(pattern):
            entry = catalog.entry(name)
            row = {"kind": kind, "name": name, "summary": entry.summary, "source": entry.source}
            rows.append(row | _of_encoder(name) if kind == "encoder" else row)
    for family, presets in PRESET_FAMILIES.items():
        if fnmatchcase(family, pattern):
            rows.append({"kind": "presets", "name": family, "summary": ", ".join(presets), "source": ""})
    rows += [
        {"kind": "recipe", "name": name, "summary": recipe_title(name), "source": ""}
        for name in list_recipes()
        if fnmatchcase(name, pattern)
    ]
    return rows


def _of_encoder(name: str) -> dict[str, Any]:
    """What the catalog says beyond every entry's name, summary and source."""
    from anaglyph.config import plain
    from anaglyph.encoders.catalog import encoder_convention
    from anaglyph.encoders.table import ENCODERS, EncoderEntry

    entry = ENCODERS.entry(name)
    if not isinstance(entry, EncoderEntry):
        return {}
    return {
        "tags": list(entry.tags),
        "parameters": dict(entry.parameters),
        "licence": entry.licence,
        "convention": plain(encoder_convention(name)),
    }


def _sizes(row: dict[str, Any]) -> str:
    sizes = row.get("parameters", {})
    return "\n".join(f"{count:,} ({variant})" for variant, count in sizes.items())


def _short(text: str, *, most: int = 1000) -> str:
    text = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
    return text if len(text) <= most else f"{text[:most]} ... (--json has all)"
