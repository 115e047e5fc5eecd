"""Settings as text: what differs from a preset, as words in an address, flags, or Python.

Knows no particular config, and no browser.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic.fields import FieldInfo

from slm.config import Config
from slm.errors import ConfigError
from ui.texts import tr

C = TypeVar("C", bound=Config)
_NONE = "auto"
_MOST_CHARACTERS = 2_000


def changes(config: Config, base: Config) -> dict[str, Any]:
    """The fields in which `config` differs from `base`, with their values."""
    values = {name: getattr(config, name) for name in type(config).model_fields}
    return {name: value for name, value in values.items() if value != getattr(base, name)}


def differing(values: Mapping[str, Any], base: Config) -> dict[str, Any]:
    """Those of the values that are not what `base` says already."""
    return {name: value for name, value in values.items() if value != getattr(base, name)}


def to_text(changed: Mapping[str, Any]) -> str:
    """Changes for an address; texts and nested settings are left out.

    >>> to_text({"d_model": 200, "qk_norm": False, "window": None})
    'd_model:200,qk_norm:False,window:auto'
    """
    plain = {
        name: _NONE if value is None else str(value)
        for name, value in changed.items()
        if value is None or isinstance(value, int | float) or _is_word(value)
    }
    return ",".join(f"{name}:{value}" for name, value in plain.items())


def from_text(text: str, base: C) -> C:
    """`base` with the changes that `to_text` wrote; the text may come from anyone.

    >>> from slm.model.config import ModelConfig
    >>> from_text("n_layers:5", ModelConfig()).n_layers
    5

    Raises: ConfigError for what is no change, or a setting that cannot be.
    """
    changed: dict[str, Any] = {}
    for part in text[:_MOST_CHARACTERS].split(",") if text else []:
        name, colon, value = part.partition(":")
        if not colon or name not in type(base).model_fields:
            raise ConfigError(
                tr(
                    "The address says {part!r}, which is no setting here; a setting "
                    "is written as name:value."
                ).format(part=part[:60])
            )
        changed[name] = None if value == _NONE else value
    automatic = [name for name, value in changed.items() if value is None]
    for name in automatic:
        if "None" not in str(type(base).model_fields[name].annotation):
            changed[name] = _NONE  # a word of its own, as in device
    return base.replace(**changed)


def flags(changed: Mapping[str, Any]) -> list[str]:
    """Changes as flags of the command line.

    >>> flags({"d_model": 200, "n_kv_heads": None, "sample_prompts": ("a", "b")})
    ['--d-model=200', '--n-kv-heads=None', '--sample-prompts', 'a', 'b']
    """
    written = []
    for name, value in changed.items():
        flag = f"--{name.replace('_', '-')}"
        written += [flag, *value] if isinstance(value, tuple) else [f"{flag}={value}"]
    return written


def described(field: FieldInfo) -> str:
    """What a setting is, with its bounds, in the server's language; empty where nobody says it.

    >>> from slm.sampling.config import SamplingConfig
    >>> described(SamplingConfig.model_fields["seed"])
    'The same seed gives the same text. (0 to 2,147,483,647)'
    """
    return tr(field.description) if field.description else ""


def label_of(name: str) -> str:
    """What a setting without a label of its own is called.

    >>> label_of("weight_decay")
    'Weight decay'
    """
    return tr(name.replace("_", " ").capitalize())


def command_line(argv: Sequence[str]) -> str:
    """The command as one types it, a flag a line.

    >>> print(command_line(["train", "--name=my run"]))
    python -m slm train \\
      '--name=my run'
    """
    return shell(["python", "-m", "slm", *argv])


def shell(command: Sequence[str]) -> str:
    """Any command as one types it, a flag a line.

    >>> print(shell(["torchrun", "--nnodes=2", "-m", "slm.training", "my run"]))
    torchrun \\
      --nnodes=2 -m slm.training 'my run'
    """
    lines = [shlex.quote(command[0])]
    for part in command[1:]:
        if part.startswith("--"):
            lines.append(shlex.quote(part))
        else:
            lines[-1] += " " + shlex.quote(part)
    return " \\\n  ".join(lines)


def python_arguments(changed: Mapping[str, Any]) -> str:
    """Changes as arguments of a call.

    >>> python_arguments({"d_model": 200, "norm": "layernorm"})
    "d_model=200, norm='layernorm'"
    """
    return ", ".join(f"{name}={value!r}" for name, value in changed.items())


def _is_word(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w-]+", value) is not None
