"""Values as the Python that makes them, for scripts that people read and run. Runs nothing."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from slm.config import Config

LINE = 96
_INDENT = "    "


def literal(value: Any) -> str:
    """The Python that gives this value: plain values, paths, tuples, mappings, and configs.

    >>> print(literal({"name": "it's", "rules": ("a",), "rate": 0.1, "file": Path("a/b")}))
    {"name": "it's", "rules": ("a",), "rate": 0.1, "file": Path("a/b")}
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Path):
        return f"Path({_text(value.as_posix())})"
    if isinstance(value, Config):
        own = {name: getattr(value, name) for name in type(value).model_fields}
        return f"{type(value).__name__}({_arguments(own)})"
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{literal(key)}: {literal(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    assert value is None or isinstance(value, bool | int | float), type(value)
    return repr(value)


def settings(
    config: Config, *, given: Mapping[str, str] | None = None, without: Collection[str] = ()
) -> str:
    """A config as a call that names every setting, those that are not as usual first.

    All are named, so that a version with other defaults still does the same. `given` are
    arguments that stand as Python of their own, such as the id of what was just made; those
    `without` do nothing here.

    >>> class Oven(Config):
    ...     degrees: int = 180
    ...     fan: bool = False
    ...     dish: str = ""
    >>> print(settings(Oven(degrees=200), given={"dish": "dishes[0]"}))
    Oven(
        dish=dishes[0],
        degrees=200,
        # the rest as usual:
        fan=False,
    )
    """
    written = dict(given or {})
    values = {
        name: getattr(config, name)
        for name in type(config).model_fields
        if name not in written and name not in without
    }
    unusual = _unusual(config, values)
    usual = {name: value for name, value in values.items() if name not in unusual}
    lines = [f"{name}={text}," for name, text in written.items()]
    lines += [f"{name}={literal(value)}," for name, value in unusual.items()]
    if usual:
        lines += ["# the rest as usual:"] if lines else []
        lines += _packed([f"{name}={literal(value)}," for name, value in usual.items()])
    inner = "\n".join(_INDENT + line for line in lines)
    return f"{type(config).__name__}(\n{inner}\n)"


def config_names(config: Config, *, without: Collection[str] = ()) -> set[str]:
    """`module:Class` of the config and of those inside it, for the lines that import them."""
    found = {f"{type(config).__module__}:{type(config).__name__}"}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, Config) and name not in without:
            found |= config_names(value)
    return found


def import_lines(names: set[str]) -> str:
    """Import lines for `module:name` entries, a line a module.

    >>> print(import_lines({"slm.files:read_json", "slm.files:sha256_of"}))
    from slm.files import read_json, sha256_of
    """
    by_module: dict[str, list[str]] = {}
    for entry in sorted(names):
        module, _, name = entry.partition(":")
        by_module.setdefault(module, []).append(name)
    return "\n".join(
        f"from {module} import {', '.join(members)}" for module, members in by_module.items()
    )


def _unusual(config: Config, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that differ from their defaults."""
    fields = type(config).model_fields
    return {
        name: value
        for name, value in values.items()
        if fields[name].is_required() or value != fields[name].get_default()
    }


def _arguments(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={literal(value)}" for name, value in values.items())


def _packed(items: list[str]) -> list[str]:
    """Several short items a line."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + 1 + len(item) <= LINE - len(_INDENT):
            lines[-1] += f" {item}"
        else:
            lines.append(item)
    return lines


def _text(value: str) -> str:
    """A string in double quotes, wherever that needs no more escapes."""
    written = repr(value)
    if written[0] == "'" and '"' not in written and "\\'" not in written:
        return f'"{written[1:-1]}"'
    return written
