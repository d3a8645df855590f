"""Writes the tables of options that stand in the documentation: python docs/generate.py [--check].

A page asks for a table with a comment, and everything up to the closing comment is rewritten:

    <!-- generated: options romo_learn -->
    <!-- end -->

Kinds: `options METHOD`, `fields CLASS`, `data NAME`, `encoder NAME`, `encoders TAG`, `command NAME`,
`recipes`, `presets`.
The tables come from the dataclasses, signatures and docstrings of the code, so they cannot drift.
"""

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
import typing
from pathlib import Path

import yaml

from anaglyph.cli.main import COMMANDS, SUBCOMMANDS
from anaglyph.data.catalog import DATASETS
from anaglyph.data.hard_batches import HardBatches
from anaglyph.data.labelled_clouds import Episode, LabelledSpec
from anaglyph.data.transforms.cloud_changes import CloudChanges
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.joint import QueryAugmentation, ViewAugmentation
from anaglyph.data.transforms.picture_changes import PictureChanges
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.data.transforms.rand_augment import RandAugment
from anaglyph.data.transforms.texts import TextChoice
from anaglyph.data.transforms.views import ViewChoice
from anaglyph.data.weak_strong import WeakStrongSpec
from anaglyph.encoders.catalog import ENCODERS, encoder_convention, encoder_options, list_encoders
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.table import EncoderEntry
from anaglyph.engine.recipe import (
    EncoderSpec,
    OptimiserSpec,
    Recipe,
    StageSpec,
    list_recipes,
    load_preset,
    recipe_title,
)
from anaglyph.engine.tower_specs import ClassNamesSpec, TowerSpec, TowersSpec
from anaglyph.methods.catalog import METHODS
from anaglyph.render.photo import PhotoOptions

ROOT = Path(__file__).resolve().parents[1]
CLASSES = {
    each.__name__: each
    for each in (
        Recipe,
        StageSpec,
        EncoderSpec,
        OptimiserSpec,
        HardBatches,
        TowersSpec,
        TowerSpec,
        ClassNamesSpec,
        WeakStrongSpec,
        LabelledSpec,
        Episode,
        PictureChanges,
        RandAugment,
        CloudChanges,
        ImageAugmentation,
        PointAugmentation,
        QueryAugmentation,
        ViewAugmentation,
        PhotoOptions,
        CloudPipeline,
        TextChoice,
        ViewChoice,
    )
}
BLOCK = re.compile(r"(<!-- generated: ([a-z]+) ?([\w]*) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """Every Markdown page of the project."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md")])


def field_table(cls: type) -> str:
    """name | default | meaning of each field of a dataclass."""
    documented = field_docs(cls)
    hints = typing.get_type_hints(cls)
    rows = [
        (f"`{field.name}`", default_of(field), described(documented.get(field.name, ""), hints[field.name]))
        for field in dataclasses.fields(cls)
    ]
    return table(("option", "default", "meaning"), rows)


def field_docs(cls: type) -> dict[str, str]:
    """The string below each field, inherited ones too."""
    docs: dict[str, str] = {}
    for each in reversed(cls.__mro__[:-1]):
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(body, ast.ClassDef)
        last = ""
        for node in body.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                last = node.target.id
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and last:
                docs[last], last = " ".join(str(node.value.value).split()), ""
            else:
                last = ""
    return docs


def described(text: str, hint: object) -> str:
    """The meaning, with the choices in front where there are any."""
    if typing.get_origin(hint) is not typing.Literal:
        return text
    choices = ", ".join(f"`{choice}`" for choice in typing.get_args(hint))
    return f"one of {choices}. {text}".strip()


def default_of(field: dataclasses.Field[object]) -> str:
    """A default as YAML would write it."""
    if field.default_factory is not dataclasses.MISSING:
        return "see below" if dataclasses.is_dataclass(field.default_factory()) else "empty"
    if field.default is dataclasses.MISSING:
        return "required"
    return "see below" if dataclasses.is_dataclass(field.default) else as_yaml(field.default)


def as_yaml(value: object) -> str:
    """A plain value on one line."""
    if isinstance(value, tuple):
        return "`[" + ", ".join(as_yaml(item).strip("`") for item in value) + "]`"
    text = yaml.safe_dump(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")
    return f"`{text}`"


def changes_of(augmentation: object) -> str:
    """The options of an augmentation that differ from doing nothing."""
    changed = [
        f"{field.name}: {as_yaml(getattr(augmentation, field.name)).strip('`')}"
        for field in dataclasses.fields(augmentation)  # type: ignore[arg-type]
        if getattr(augmentation, field.name) != field.default
    ]
    return f"`{{{', '.join(changed)}}}`"


def argument_docs(thing: object) -> dict[str, str]:
    """The entries of a docstring's Args section."""
    text = inspect.getdoc(thing) or ""
    _, _, section = text.partition("Args:\n")
    docs, last = {}, ""
    for line in section.splitlines():
        entry = re.match(r"    (\w+): (.*)", line)
        if entry:
            last = entry[1]
            docs[last] = entry[2]
        elif line.startswith("      ") and last:
            docs[last] += " " + line.strip()
        elif not line.strip():
            break
    return docs


def method_table(name: str) -> str:
    """Options of a method."""
    return field_table(METHODS.load(name).config_cls)


def data_table(name: str) -> str:
    """Options of a data set, and its augmentation in words."""
    cls = DATASETS.load(name)
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    if "query_augmentation" in defaults:
        return field_table(cls)
    if "clouds" in defaults:
        made = cls()
        parts = [name for name in ("clouds", "texts", "views") if name in defaults]
        changes = ", ".join(f"{name} {changes_of(getattr(made, name))}" for name in parts)
        return f"{field_table(cls)}\nBy default: {changes}.\n"
    kinds = (("pictures", "image_augmentation"), ("points", "point_augmentation"))
    said = [f"{what} {changes_of(defaults[name])}" for what, name in kinds if name in defaults]
    return f"{field_table(cls)}\nAugmentation by default: {', '.join(said)}.\n"


def encoder_table(name: str) -> str:
    """Options of an encoder."""
    documented = argument_docs(ENCODERS.load(name))
    rows = [
        (f"`{option}`", as_yaml(default), documented.get(option, ""))
        for option, default in encoder_options(name).items()
    ]
    return table(("option", "default", "meaning"), rows)


def encoders_table(tag: str) -> str:
    """Every encoder that carries a tag: size, input, source, licence of the official weights."""
    rows = []
    for name in list_encoders(modality=tag):
        entry = ENCODERS.entry(name)
        assert isinstance(entry, EncoderEntry)
        sizes = [
            f"{count:,}" + (f" ({variant})" if variant != "default" else "")
            for variant, count in entry.parameters.items()
        ]
        rows.append(
            (
                f"`{name}`",
                entry.summary,
                "; ".join(sizes),
                wanted(encoder_convention(name)),
                entry.source,
                entry.licence or "none published",
            )
        )
    return table(("encoder", "what it is", "parameters", "input", "source", "licence of the weights"), rows)


def wanted(convention: PointConvention | None) -> str:
    """A convention in a few words."""
    if convention is None:
        return "as trained"
    colours = f", colours 0 to 1 (grey {convention.missing_colour:g} without)" if convention.colours else ""
    axes = " ".join(convention.axes)
    return (
        f"{convention.points:,} points, {convention.up} up (axes {axes}), "
        f"{convention.scale.replace('_', ' ')}{colours}{', height' if convention.height else ''}"
    )


def command_table(name: str) -> str:
    """Arguments of a command; `models_import` stands for `models import`."""
    group, _, below = name.partition("_")
    command = SUBCOMMANDS[group][below] if below else COMMANDS[name]
    documented = argument_docs(command)
    hints = typing.get_type_hints(command, include_extras=True)
    rows = []
    for parameter in inspect.signature(command).parameters.values():
        flag = "--" + (flag_name(hints[parameter.name]) or parameter.name).replace("_", "-")
        shown = flag if parameter.kind is parameter.KEYWORD_ONLY else parameter.name.upper()
        required = parameter.default is parameter.empty
        default = "required" if required else plain_default(parameter.default)
        rows.append((f"`{shown}`", default, documented.get(parameter.name, "")))
    return table(("argument", "default", "meaning"), rows)


def flag_name(hint: object) -> str | None:
    """The name that an annotation gives a flag, where it is not the parameter's."""
    return next(
        (note.name for note in getattr(hint, "__metadata__", ()) if getattr(note, "name", None)), None
    )


def plain_default(value: object) -> str:
    """A default as a person would say it."""
    if value is None or value == () or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value}`"


def recipe_table(_: str) -> str:
    """The recipes that come with the package."""
    return table(("recipe", "what it is"), [(f"`{name}`", recipe_title(name)) for name in list_recipes()])


def preset_table(family: str) -> str:
    """How the presets of a family differ, option by option."""
    presets = {name: load_preset(family, name) for name in ("paper", "released", "best")}
    flat = {name: dict(flattened(preset, "")) for name, preset in presets.items()}
    names = sorted({key for values in flat.values() for key in values})
    rows = [
        (f"`{key}`", *(as_yaml(values[key]) if key in values else "" for values in flat.values()))
        for key in names
        if len({str(values.get(key)) for values in flat.values()}) > 1
    ]
    return table(("option", *flat), rows)


def flattened(value: object, place: str) -> list[tuple[str, object]]:
    """(dotted name, plain value) of every leaf."""
    if not isinstance(value, dict):
        return [(place, value)]
    return [leaf for key, item in value.items() for leaf in flattened(item, f"{place}.{key}".lstrip("."))]


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


MAKERS = {
    "options": method_table,
    "fields": lambda name: field_table(CLASSES[name]),
    "data": data_table,
    "encoder": encoder_table,
    "encoders": encoders_table,
    "command": command_table,
    "recipes": recipe_table,
    "presets": preset_table,
}


def rewritten(text: str) -> str:
    """A page with all its tables made anew."""
    return BLOCK.sub(lambda found: found[1] + MAKERS[found[2]](found[3]) + found[5], text)


def stale() -> list[Path]:
    """The pages whose tables are not those of the code."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    return [page for page, text in texts.items() if rewritten(text) != text]


def main() -> int:
    """Rewrite what is stale; with --check only name it, exit code 1."""
    found = stale()
    for page in found:
        print(page.relative_to(ROOT))
        if "--check" not in sys.argv:
            page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if found and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
