"""The settings of sampling, and what they are called elsewhere. Knows no logits."""

from typing import Any

from pydantic import Field, field_validator

from slm.config import Config

GREEDY_BELOW = 1e-3  # dividing logits by 1e-40 gives NaN; long before that the draw is certain
FILTERS = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p", "typical_p")
"""The filters in the order of `transformers`; a SamplingConfig may have another."""


class SamplingConfig(Config):
    """How the next token is chosen from the model's logits.

    >>> SamplingConfig(temperature=-1)
    Traceback (most recent call last):
    slm.errors.ConfigError: temperature is -1; it must be greater than or equal to 0.
    """

    temperature: float = Field(
        0.8,
        ge=0.0,
        le=10.0,
        allow_inf_nan=False,
        description="Divides the logits: below 1 bolder, above 1 wilder. 0 always takes the "
        "likeliest token.",
        json_schema_extra={"ui": {"step": 0.05, "max": 2.0}},
    )
    top_k: int | None = Field(
        50,
        ge=0,
        description="Keep only this many of the likeliest tokens. 0 keeps all.",
        json_schema_extra={"ui": {"step": 1, "max": 200}},
    )
    top_p: float = Field(
        1.0,
        ge=0.0,
        le=1.0,
        allow_inf_nan=False,
        description="Keep the fewest likeliest tokens whose probabilities reach this sum. "
        "1 keeps all.",
        json_schema_extra={"ui": {"step": 0.01}},
    )
    min_p: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        allow_inf_nan=False,
        description="Drop tokens less likely than this share of the likeliest one. 0 keeps all.",
        json_schema_extra={"ui": {"step": 0.01}},
    )
    typical_p: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        allow_inf_nan=False,
        description="Keep the tokens about as surprising as the model expects a token to be, "
        "until their probabilities reach this sum. 1 keeps all.",
        json_schema_extra={"ui": {"step": 0.01, "min": 0.01}},
    )
    repetition_penalty: float = Field(
        1.0,
        gt=0.0,
        le=10.0,
        allow_inf_nan=False,
        description="Above 1, tokens that were already written become less likely. 1 is off.",
        json_schema_extra={"ui": {"step": 0.05, "min": 1.0, "max": 2.0}},
    )
    order: tuple[str, ...] = Field(
        FILTERS,
        description="The filters in the order in which they act, each named once.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        description="The same seed gives the same text.",
        json_schema_extra={"ui": {"step": 1}},
    )

    @field_validator("order")
    @classmethod
    def _each_filter_once(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        if sorted(order) != sorted(FILTERS):
            raise ValueError(f"each of these once, in any order: {', '.join(FILTERS)}")
        return order

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature < GREEDY_BELOW


def generation_config(config: SamplingConfig) -> dict[str, Any]:
    """The settings by the names of transformers' GenerationConfig.

    The seed and the order of the filters have no name there: transformers takes its own
    order, which is the usual one here.

    >>> generation_config(SamplingConfig(temperature=0))
    {'do_sample': False, 'repetition_penalty': 1.0}
    """
    if config.greedy:
        return {"do_sample": False, "repetition_penalty": config.repetition_penalty}
    return {
        "do_sample": True,
        "temperature": config.temperature,
        "top_k": config.top_k or 0,
        "top_p": config.top_p,
        "min_p": config.min_p,
        "typical_p": config.typical_p,
        "repetition_penalty": config.repetition_penalty,
    }


def from_generation_config(values: dict[str, Any], seed: int = 0) -> SamplingConfig:
    """The settings that a GenerationConfig (a published generation_config.json) means.

    What it does not say, or says as null, is what transformers then does: no sampling;
    with sampling, temperature 1 and the 50 likeliest tokens. Its other names (lengths,
    ids, beams) are left alone.

    Raises: ConfigError for a value out of bounds.
    """

    def said(name: str, otherwise: float) -> Any:
        value = values.get(name)
        return otherwise if value is None else value

    penalty = said("repetition_penalty", 1.0)
    if not said("do_sample", 0):
        return SamplingConfig(temperature=0.0, top_k=0, repetition_penalty=penalty, seed=seed)
    return SamplingConfig(
        temperature=said("temperature", 1.0),
        top_k=said("top_k", 50),
        top_p=said("top_p", 1.0),
        min_p=said("min_p", 0.0),
        typical_p=said("typical_p", 1.0),
        repetition_penalty=penalty,
        seed=seed,
    )
