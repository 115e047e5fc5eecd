"""The one form that settings take: frozen, bounded, described, saved as JSON.

A field is declared once. Its bounds are checked here, its description is the
command line's help and the page's, and `json_schema_extra={"ui": …}` tells a
page how to ask for it. This file knows no particular setting.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from slm.errors import ConfigError


class Config(BaseModel):
    """Frozen settings; wrong ones raise a ConfigError that lists every problem.

    >>> from pydantic import Field
    >>> class Oven(Config):
    ...     degrees: int = Field(180, ge=50, le=280, description="Heat in °C.")
    >>> Oven(degrees=400)
    Traceback (most recent call last):
    slm.errors.ConfigError: degrees is 400; it must be less than or equal to 280.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(in_words(error)) from None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Let every description end with the bounds, for `--help` and for the pages."""
        del kwargs
        for field in cls.model_fields.values():
            limits = limits_in_words(field)
            if field.description and limits and not field.description.endswith(limits):
                field.description = f"{field.description} {limits}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values of all the fields."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The settings that `to_json` wrote.

        Raises: ConfigError, also for a field that this version does not know.
        """
        return cls(**dict(values))

    def replace(self, **changes: Any) -> Self:
        """The same settings with some fields changed, checked anew."""
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**kept, **changes})


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Smallest and largest allowed value of a field, as its own checks say."""
    low = high = None
    for check in field.metadata:
        low = getattr(check, "ge", getattr(check, "gt", low))
        high = getattr(check, "le", getattr(check, "lt", high))
    return low, high


def limits_in_words(field: FieldInfo) -> str:
    """The bounds as a person says them; empty without any.

    >>> from pydantic import Field
    >>> limits_in_words(Field(180, ge=50, le=280)), limits_in_words(Field(1, ge=1))
    ('(50 to 280)', '(at least 1)')
    """
    low, high = bounds(field)
    if low is not None and high is not None:
        return f"({low:,} to {high:,})"
    if low is not None:
        return f"(at least {low:,})"
    return f"(at most {high:,})" if high is not None else ""


def in_words(error: ValidationError) -> str:
    """Every problem of a rejected config, a sentence each, one line each."""
    return "\n".join(_sentence(problem) for problem in error.errors(include_url=False))


def _sentence(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"{field} is not a setting here; check its spelling or the version that wrote it."
    if problem["type"] == "missing":
        return f"{field} is missing; give it a value."
    if not field:
        return message.rstrip(".") + "."
    rule = message.removeprefix("Input should be ").removeprefix("Input ")
    return f"{field} is {problem['input']!r}; it must be {rule.rstrip('.')}."
