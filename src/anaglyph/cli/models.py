"""`anaglyph models`: methods, encoders and recipes by name."""

from __future__ import annotations

import json as jsonlib

import tyro


def models(pattern: tyro.conf.Positional[str] = "*", *, json: bool = False) -> int:
    """List methods, encoders and recipes; exit code 1 when nothing matches.

    Args:
        pattern: shell-style pattern for names, such as 'digits*'.
        json: print JSON.
    """
    from fnmatch import fnmatchcase

    from anaglyph.cli.tables import show_table
    from anaglyph.encoders.catalog import ENCODERS
    from anaglyph.engine.recipe import list_recipes, recipe_title
    from anaglyph.methods.catalog import METHODS, PRESET_FAMILIES

    rows: list[list[str]] = []
    for kind, catalog in (("method", METHODS), ("encoder", ENCODERS)):
        for name in catalog.names(pattern):
            entry = catalog.entry(name)
            rows.append([kind, name, entry.summary, entry.source])
    for family, presets in PRESET_FAMILIES.items():
        if fnmatchcase(family, pattern):
            rows.append(["presets", family, ", ".join(presets), ""])
    rows += [
        ["recipe", name, recipe_title(name), ""] for name in list_recipes() if fnmatchcase(name, pattern)
    ]
    if json:
        print(
            jsonlib.dumps(
                [dict(zip(("kind", "name", "summary", "source"), row, strict=True)) for row in rows]
            )
        )
    elif rows:
        show_table("Methods, encoders and recipes", ["kind", "name", "what it is", "source"], rows)
    else:
        print(f"nothing is called '{pattern}'; `anaglyph models` lists everything.")
    return 0 if rows else 1
