"""The public surface: what `import anaglyph` offers, its signatures, and what it costs.

`api_surface.json` at the top of the repository is the promise. Run this file as a script to rewrite it.
"""

import dataclasses
import importlib
import inspect
import json
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import anaglyph

STORED = Path(__file__).resolve().parents[1] / "api_surface.json"


def shown(annotation):
    if isinstance(annotation, str):
        return annotation
    if inspect.isclass(annotation) and not typing.get_args(annotation):
        return annotation.__name__
    return re.sub(r"\b[a-z_.]+\.(?=[A-Z])", "", str(annotation))


def default_of(parameter):
    if parameter.default is inspect.Parameter.empty:
        return ""
    named = inspect.isfunction(parameter.default) or inspect.isclass(parameter.default)
    if repr(parameter.default) == "<factory>":
        return " = ..."
    return f" = {parameter.default.__name__ if named else repr(parameter.default)}"


def signature(thing):
    """Parameters with annotations and defaults, the same on every Python version."""
    parts, keyword_only = [], False
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            keyword_only = True
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        typed = "" if parameter.annotation is parameter.empty else f": {shown(parameter.annotation)}"
        parts.append(f"{marks.get(parameter.kind, '')}{parameter.name}{typed}{default_of(parameter)}")
    returned = inspect.signature(thing).return_annotation
    arrow = "" if returned in (inspect.Signature.empty, None, "None") else f" -> {shown(returned)}"
    return f"({', '.join(parts)}){arrow}"


def described(thing):
    """One entry of the file: a signature, or a class with its base, fields and own public methods."""
    if not inspect.isclass(thing):
        return signature(thing)
    about = {"base": thing.__bases__[0].__name__}
    if dataclasses.is_dataclass(thing):
        about["fields"] = signature(thing)
    methods = {
        name: signature(member.__func__ if isinstance(member, classmethod) else member)
        for name, member in vars(thing).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, classmethod))
    }
    if issubclass(thing, anaglyph.AnaglyphError) and "__init__" in vars(thing):
        methods["__init__"] = signature(thing.__init__)
    return {**about, "methods": methods} if methods else about


def surface():
    return {
        name: described(getattr(anaglyph, name)) for name in sorted(anaglyph.__all__) if name != "__version__"
    }


def test_the_public_surface_is_the_one_written_down():
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    now = surface()
    different = sorted(name for name in {*stored, *now} if stored.get(name) != now.get(name))
    details = "\n".join(
        f"{name}\n  stored: {stored.get(name)}\n  now:    {now.get(name)}" for name in different
    )
    assert not different, (
        f"the public surface changed:\n{details}\n"
        f"If that is meant: run `python tests/test_api_surface.py`, name it in CHANGELOG.md and in the docs. "
        f"If not: keep the old name or signature."
    )


def test_the_lazy_table_and_all_name_the_same_things():
    assert {*anaglyph._HOME_OF, "__version__"} == set(anaglyph.__all__)
    assert anaglyph.__all__ == sorted(anaglyph.__all__)
    assert set(anaglyph.__all__) <= set(dir(anaglyph))


def test_every_error_of_the_tree_is_public():
    things = vars(importlib.import_module("anaglyph.errors")).values()
    errors = {thing.__name__ for thing in things if inspect.isclass(thing) and issubclass(thing, Exception)}
    assert len(errors) >= 7
    assert errors <= set(anaglyph.__all__)


def test_an_unknown_name_is_answered_with_the_closest_one():
    with pytest.raises(AttributeError, match="no public name 'create_encodr'; did you mean 'create_encoder'"):
        anaglyph.create_encodr  # noqa: B018


def test_importing_anaglyph_and_its_errors_does_not_import_torch():
    code = (
        "import sys, anaglyph; anaglyph.AnaglyphError; anaglyph.Batch; dir(anaglyph); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


if __name__ == "__main__":
    STORED.write_text(json.dumps(surface(), indent=2) + "\n", encoding="utf-8")
    print(f"wrote {STORED}")
