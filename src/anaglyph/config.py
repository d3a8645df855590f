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

import yaml

from anaglyph.errors import ConfigError, DataError, unknown_name

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
        raise ConfigError(f"'{where}' is not plain YAML data: {_yaml_fault(error)}.") from error
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
    made: T = _filled(cls, data, where)
    return made


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
    return yaml.dump(plain(config), Dumper=_ExactDumper, sort_keys=False, allow_unicode=True)


def fingerprint(config: object) -> str:
    """16 hexadecimal digits that change when any value of the config changes."""
    text = json.dumps(plain(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def mapping(value: Any, where: str) -> Mapping[Any, Any]:
    """`value` where it is one; ConfigError naming the place otherwise."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} must be a mapping of names to values, got {_shown(value)}.")
    return value


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` laid over it, mappings merged key by key, all else replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return result


def override(data: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """Apply one `stages.learn.config.alpha=0.5` to nested data; the value replaces what was there."""
    path, equals, text = assignment.partition("=")
    names = path.split(".")
    if not equals or not all(names):
        raise ConfigError(f"'{assignment}' is not an assignment; write NAME.NAME=VALUE, such as seed=3.")
    return _assigned(data, names, parse_value(text))


def _assigned(data: Mapping[str, Any], names: list[str], value: Any) -> dict[str, Any]:
    first, *rest = names
    if not rest:
        return {**data, first: value}
    inner = data.get(first, {})
    return {**data, first: _assigned(inner if isinstance(inner, Mapping) else {}, rest, value)}


class _StrictLoader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for name in (key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if name in seen:
                raise yaml.YAMLError(f"the key '{name}' stands twice")
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


class _ExactDumper(yaml.SafeDumper):
    """Writes what `_StrictLoader` reads back unchanged."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Between single quotes PyYAML folds these rare line ends into spaces.
    quoted = any(mark in text for mark in "\x85\u2028\u2029\ufeff")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quoted else None)


_ExactDumper.add_representer(str, _text)
# YAML 1.1 reads 1e-3 as a string; every published recipe writes learning rates that way.
for _side in (_StrictLoader, _ExactDumper):
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf)$"),
        list("-+0123456789."),
    )


def _yaml_fault(error: yaml.YAMLError) -> str:
    """What is wrong and where, on one line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


def _filled(kind: Any, value: Any, where: str) -> Any:
    """`value` as the annotated type `kind`; ConfigError naming `where` when it is anything else."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    if origin is typing.Literal:
        if not any(value == item and type(value) is type(item) for item in arguments):
            raise ConfigError(f"{where}: {unknown_name('choice', str(value), map(str, arguments))}")
        return value
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, value, where)
    if origin in (tuple, list):
        return _sequence(origin, arguments, value, where)
    if origin in (dict, Mapping):
        key_kind, item_kind = arguments
        return {
            _filled(key_kind, key, f"{where}, key {key!r}"): _filled(item_kind, item, f"{where}.{key}")
            for key, item in mapping(value, where).items()
        }
    return _scalar(kind, value, where)


def _dataclass(cls: Any, value: Any, where: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    kinds = typing.get_type_hints(cls)
    given = mapping(value, where)
    for name in given:
        if name not in fields:
            raise ConfigError(f"{where}: {unknown_name('option', str(name), fields)}")
    for name, field in fields.items():
        optional = (
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        )
        if name not in given and not optional:
            raise ConfigError(f"{where}: '{name}' is required but missing.")
    chosen = {name: _filled(kinds[name], item, f"{where}.{name}") for name, item in given.items()}
    try:
        return cls(**chosen)
    except (ConfigError, DataError, ValueError) as error:  # raised by the class's own checks
        raise ConfigError(f"{where}: {error}") from error


def _sequence(origin: Any, kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} must be a list such as [1, 2], got {_shown(value)}.")
    if origin is tuple and kinds[-1] is not Ellipsis:
        if len(value) != len(kinds):
            raise ConfigError(f"{where} must have {len(kinds)} items, got {len(value)}.")
    else:
        kinds = kinds[:1] * len(value)
    items = zip(kinds, value, strict=True)
    return origin(_filled(kind, item, f"{where}[{place}]") for place, (kind, item) in enumerate(items))


def _union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    rest = [kind for kind in kinds if kind is not type(None)]
    if len(rest) == 1:
        return _filled(rest[0], value, where)
    if type(value) in rest:
        return value
    names = ", ".join(getattr(kind, "__name__", str(kind)) for kind in rest)
    raise ConfigError(f"{where} must be one of {names}, got {_shown(value)}.")


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is Path:
        return Path(_scalar(str, value, where))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or value != value:  # NaN would make a configuration unequal to itself
        raise ConfigError(f"{where} must be {kind.__name__}, got {_shown(value)}.")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
