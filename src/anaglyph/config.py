"""Configuration: frozen dataclasses filled strictly from YAML or from mappings.

A key nobody knows is an error with the closest known one; a value of another type is an error that
names the place. Nothing is coerced except int -> float and list -> tuple, because YAML has neither
floats without a dot nor tuples.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import cattrs
import yaml

from anaglyph.errors import ConfigError, unknown_name

T = TypeVar("T")
MAX_BYTES = 1 << 20
MAX_DEPTH = 20


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping: data only, at most 1 MiB, depth 20, no aliases, no repeated keys."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"'{path}' has {len(raw)} bytes; a configuration has at most {MAX_BYTES}.")
    return parse_yaml(raw.decode("utf-8", errors="replace"), where=str(path))


def parse_yaml(text: str, *, where: str = "text") -> dict[str, Any]:
    """Parse a YAML mapping under the rules of `read_yaml`."""
    try:
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader subclass
    except yaml.YAMLError as error:
        raise ConfigError(f"'{where}' is not plain YAML data: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"'{where}' is nested deeper than {MAX_DEPTH} levels.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"'{where}' must hold a mapping of names to values, got {type(value).__name__}.")
    if _depth(value) > MAX_DEPTH:
        raise ConfigError(f"'{where}' is nested deeper than {MAX_DEPTH} levels.")
    return value


def parse_value(text: str) -> Any:
    """One value of a command-line override, read as YAML: `3`, `0.5`, `true`, `[1, 2]`, `name`."""
    return parse_yaml(f"value: {text}", where=text)["value"]


def structure(cls: type[T], data: Mapping[str, Any], *, where: str) -> T:
    """Build the dataclass `cls` from plain data; ConfigError names the place (`where.field.field`)."""
    try:
        return _converter().structure(data, cls)
    except Exception as error:
        raise ConfigError(_explain(error, where)) from error


def plain(config: object) -> Any:
    """A config as plain data that YAML and JSON can hold; the inverse of `structure`."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {field.name: plain(getattr(config, field.name)) for field in dataclasses.fields(config)}
    if isinstance(config, Mapping):
        return {str(key): plain(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [plain(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def dump_yaml(config: object) -> str:
    """A config as YAML text, fields in their declared order."""
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)


def fingerprint(config: object) -> str:
    """16 hexadecimal digits that change when any value of the config changes."""
    text = json.dumps(plain(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` laid over it, mappings merged key by key, all else replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return result


def override(data: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """Apply one `stages.learn.config.alpha=0.5` to nested data."""
    path, equals, text = assignment.partition("=")
    if not equals or not all(path.split(".")):
        raise ConfigError(f"'{assignment}' is not an assignment; write NAME.NAME=VALUE, such as seed=3.")
    value: Any = parse_value(text)
    for name in reversed(path.split(".")):
        value = {name: value}
    return merge(data, value)


class _StrictLoader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key '{key}' stands twice")
        return super().construct_mapping(node, deep=deep)


# YAML 1.1 reads 1e-3 as a string; every published recipe writes learning rates that way.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf)$"),
    list("-+0123456789."),
)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


class _WrongValueError(ValueError):
    pass


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind in (int, float, str, bool):
        converter.register_structure_hook(kind, _strict_scalar)
    converter.register_structure_hook(Path, lambda value, _: Path(_strict_scalar(value, str)))
    converter.register_structure_hook_func(_is_literal, _literal)
    converter.register_structure_hook_func(_is_union, lambda value, kind: _union(converter, value, kind))
    return converter


def _strict_scalar(value: Any, kind: type) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _WrongValueError(f"must be {kind.__name__}, got {type(value).__name__} {value!r}")
    return value


def _literal(value: Any, kind: Any) -> Any:
    allowed = typing.get_args(kind)
    if value not in allowed or type(value) not in {type(item) for item in allowed}:
        raise _WrongValueError(unknown_name("choice", str(value), map(str, allowed)))
    return value


def _is_literal(kind: Any) -> bool:
    origin: object = typing.get_origin(kind)
    return origin is typing.Literal


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _union(converter: cattrs.Converter, value: Any, kind: Any) -> Any:
    options = typing.get_args(kind)
    if value is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    if len(rest) == 1:
        return converter.structure(value, rest[0])
    for option in rest:
        if type(value) is option:
            return value
    names = ", ".join(getattr(option, "__name__", str(option)) for option in rest)
    raise _WrongValueError(f"must be one of {names}, got {type(value).__name__} {value!r}")


def _explain(error: BaseException, where: str) -> str:
    """The first leaf of cattrs' nested groups as one sentence with its place."""
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = [field.name for field in dataclasses.fields(error.cl)] if error.cl else []
        return f"{where}: {unknown_name('option', sorted(error.extra_fields)[0], known)}"
    if isinstance(error, BaseExceptionGroup):
        leaf = error.exceptions[0]
        return _explain(leaf, where + _note_of(leaf))
    if isinstance(error, KeyError):
        return f"{where}: '{error.args[0]}' is required but missing."
    if isinstance(error, _WrongValueError):
        return f"{where}: {error}"
    return f"{where}: {error} ({type(error).__name__})"


def _note_of(error: BaseException) -> str:
    for note in getattr(error, "__notes__", []):
        name = getattr(note, "name", None)
        if name is not None:
            return f".{name}"
        index = getattr(note, "index", None)
        if index is not None:
            return f"[{index}]"
    return ""
