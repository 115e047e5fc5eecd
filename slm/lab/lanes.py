"""The lanes of a sweep or a race: one run each, with its name in the comparison.

What a lane is, how a person writes one, and how it is trained. No torch before it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from slm.errors import ConfigError, DivergedError, NoMemoryError
from slm.jobs import Reporter
from slm.model.config import PRESETS, ModelConfig, flops_per_token
from slm.training.config import TrainConfig, recipe_for
from slm.workspace import MAX_NAME, Artefact

BACKWARD = 3
"""A training step costs about three forward passes (Kaplan et al. 2020, section 2.1)."""


@dataclass(frozen=True)
class Lane:
    """One run of an experiment.

    preset   that its settings started from
    value    of the setting that a sweep varies
    filled   share of the places in its windows that hold a token, which padding lowers
    """

    name: str
    preset: str
    model: ModelConfig
    train: TrainConfig
    value: Any = None
    filled: float = 1.0

    @property
    def places_per_step(self) -> int:
        """Places in the windows of one step, padding included."""
        return self.train.batch_size * self.model.context_length

    @property
    def tokens_per_step(self) -> float:
        """Tokens that one step learns to guess."""
        return self.filled * self.places_per_step

    @property
    def flops_per_token(self) -> float:
        """Training FLOPs for each token that is learned; padding costs as much as tokens."""
        return BACKWARD * flops_per_token(self.model) / self.filled

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        return {
            "name": self.name,
            "preset": self.preset,
            "model": self.model.to_json(),
            "train": self.train.to_json(),
            "value": self.value,
            "filled": self.filled,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The lane that `to_json` wrote."""
        return cls(
            name=str(values["name"]),
            preset=str(values["preset"]),
            model=ModelConfig.from_json(values["model"]),
            train=TrainConfig.from_json(values["train"]),
            value=values["value"],
            filled=float(values["filled"]),
        )


def lane_of(text: str, fixed: Mapping[str, str], shared: Mapping[str, Any]) -> Lane:
    """A lane as a person writes it: a preset, changes over it, and a name, in any order.

    `fixed` are settings that a lane cannot choose, with the reason; `shared` ones all lanes
    have, before their own changes.

    >>> lane = lane_of("preset=nano,optimizer=adamw,n_layers=2", {}, {"seed": 7})
    >>> lane.name, lane.train.optimizer, lane.model.n_layers, lane.train.seed
    ('nano, optimizer adamw, n_layers 2', 'adamw', 2, 7)

    Raises: ConfigError that names the lane, and what in it cannot be.
    """
    changes: dict[str, Any] = {}
    parts = [part.strip() for part in text.split(",") if part.strip()]
    written = [tuple(piece.strip() for piece in part.partition("=")) for part in parts]
    name = next((value for field, _, value in written if field == "name"), "")
    called = f"The lane {(name or text)[:80]!r}"
    preset = "nano"
    for part, (field, equals, value) in zip(parts, written, strict=True):
        if field == "preset":
            preset = value
        elif field == "name":
            continue
        elif not equals or not is_setting(field):
            raise ConfigError(
                f"{called} has {part[:60]!r}, which is no setting of a model or a training; "
                "write setting=value, separated by commas."
            )
        elif field in fixed:
            raise ConfigError(f"{called} sets {field}: {fixed[field]}")
        else:
            changes[field] = value
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset {preset[:60]!r}; there are: {', '.join(PRESETS)}.")
    told = ", ".join([preset, *(f"{field} {value}" for field, value in changes.items())])
    try:
        model, train = with_changes(PRESETS[preset], recipe_for(preset).replace(**shared), changes)
    except ConfigError as error:
        raise ConfigError(f"{called} cannot be: {error}") from None
    return Lane((name or told)[:MAX_NAME], preset, model, train)


def train_lane(run: Path, tokens: Path, report: Reporter) -> str | None:
    """Train a lane's run, as far as the reporter lets it; why it cannot be trained here, if so.

    Raises: as `train`, but for a lane that diverged, of which its own log tells.
    """
    from slm.lab.snapshots import observers_for
    from slm.training.trainer import train

    try:
        train(run, observers=observers_for(run, tokens), report=report, tokens=tokens)
    except DivergedError:
        return None
    except NoMemoryError as error:
        return str(error)
    return None


def is_setting(field: str) -> bool:
    """Whether models or trainings have a setting of that name."""
    return field in ModelConfig.model_fields or field in TrainConfig.model_fields


def with_changes(
    model: ModelConfig, train: TrainConfig, changes: Mapping[str, Any]
) -> tuple[ModelConfig, TrainConfig]:
    """Both configs with those of the changes that are theirs; values may be written out.

    Raises: ConfigError for values that cannot be.
    """
    mine = {name: _plain(ModelConfig, name, x) for name, x in changes.items() if _of_model(name)}
    rest = {
        name: _plain(TrainConfig, name, x) for name, x in changes.items() if not _of_model(name)
    }
    return model.replace(**mine), train.replace(**rest)


def with_own_names(lanes: Sequence[Lane]) -> tuple[Lane, ...]:
    """The lanes, each with a name that no other has.

    >>> lane = lane_of("preset=nano", {}, {})
    >>> [each.name for each in with_own_names([lane, lane])]
    ['nano', 'nano (2)']
    """
    seen: dict[str, int] = {}
    named = []
    for lane in lanes:
        seen[lane.name] = seen.get(lane.name, 0) + 1
        again = f" ({seen[lane.name]})" if seen[lane.name] > 1 else ""
        named.append(replace(lane, name=f"{lane.name[: MAX_NAME - len(again)]}{again}"))
    return tuple(named)


def on_tokens(lanes: Iterable[Lane], tokens: Artefact) -> tuple[Lane, ...]:
    """The lanes with the vocabulary of these tokens, and how full their windows are."""
    from slm.tokenizer.documents import LOOKED_AT, filled_share, stored_documents

    vocab_size = tokens.details["vocab_size"]
    fitted = []
    for lane in lanes:
        model = lane.model.replace(vocab_size=vocab_size)
        filled = filled_share(
            lambda: stored_documents(tokens, LOOKED_AT), model.context_length, lane.train.windows
        )
        fitted.append(replace(lane, model=model, filled=filled))
    return tuple(fitted)


def _of_model(field: str) -> bool:
    return field in ModelConfig.model_fields


def _plain(config: type[ModelConfig] | type[TrainConfig], field: str, value: Any) -> Any:
    """A written value; None where the setting can be none and the text says so."""
    optional = "None" in str(config.model_fields[field].annotation)
    return None if optional and value == "None" else value
