"""The config as the user gives it: a TOML file of sections, and `section.field=value` from the command line, over the defaults."""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preprocess.config import Config
from shards.errors import InputError


def load_config(file: Path | None, overrides: Sequence[str]) -> Config:
    """The defaults, then `file`, then `overrides`. Raises `InputError` for an unknown field or a value of another type."""
    given: dict[str, dict[str, Any]] = {}
    if file is not None:
        given = _read(file)
    for override in overrides:
        name, separator, text = override.partition("=")
        section, dot, field = name.strip().partition(".")
        if not separator or not dot:
            raise InputError(f"--set {override}: section.field=value is needed, e.g. unit.max_unit_members=100")
        given.setdefault(section, {})[field] = _parse(text.strip())
    sections = {field.name: field for field in dataclasses.fields(Config)}
    values: dict[str, Any] = {}
    for section, fields in given.items():
        if section not in sections:
            raise InputError(f"config: no section [{section}]; there are {', '.join(sections)}")
        values[section] = _section(section, type(getattr(Config(), section)), fields)
    return Config(**values)


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        content = tomllib.loads(file.read_text())
    except FileNotFoundError:
        raise InputError(f"{file}: no such config file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{file}: not a TOML file ({error})") from None
    for section, fields in content.items():
        if not isinstance(fields, dict):
            raise InputError(f"{file}: {section} stands outside every section; write it below its [section]")
    return content


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return None if text == "none" else text


def _section(name: str, kind: type, given: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    for field, value in given.items():
        if field not in hints:
            raise InputError(f"config: [{name}] has no field {field}; there are {', '.join(hints)}")
        given[field] = _convert(f"{name}.{field}", value, hints[field])
    return kind(**given)


def _convert(name: str, value: Any, wanted: Any) -> Any:
    """`value` as the type `wanted`: lists become tuples, `"none"` becomes None where None is allowed, int passes for float."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        if value is None or value == "none":
            if type(None) in arguments:
                return None
            raise InputError(f"config: {name} cannot be none")
        return _convert(name, value, next(kind for kind in arguments if kind is not type(None)))
    if origin is tuple:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple):
            raise InputError(f"config: {name} is {value!r}; a list is needed")
        inner = arguments[:-1] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(inner) != len(value):
            raise InputError(f"config: {name} is {value!r}; {len(inner)} values are needed")
        return tuple(_convert(name, part, kind) for part, kind in zip(value, inner, strict=True))
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(wanted, type) and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
        raise InputError(f"config: {name} is {value!r}; {wanted.__name__} is needed")
    return value
