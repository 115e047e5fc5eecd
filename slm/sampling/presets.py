"""Settings of writing with a name: three that come along, and own ones, kept with a model.

    <workspace>/presets/<model id>/<hash of the name>.json

A file for each, so that two people who save at once lose nothing. Settings also go to and come
from the JSON of published models, `generation_config.json`. No models here, no text.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from slm import files
from slm.config import Config
from slm.errors import ConfigError, WorkspaceError
from slm.sampling.config import FILTERS, SamplingConfig, from_generation_config, generation_config
from slm.sampling.methods import MOST_CONTINUATIONS, WritingConfig
from slm.sampling.search import BeamConfig, ContrastiveConfig
from slm.workspace import clean_name

T = TypeVar("T", bound=Config)
FOLDER = "presets"
SCHEMA = 1
MOST = 50
"""Own presets of one model."""
LONGEST_JSON = 60_000
"""Characters of JSON that are read."""
_EARLY = MappingProxyType({True: "when_full", False: "likely", "never": "certain"})
_REST = MappingProxyType(
    {
        "max_new_tokens": "max_new_tokens",
        "num_return_sequences": "continuations",
        "stop_strings": "stop",
        "regex": "regex",
        "json_schema": "json_schema",
    }
)


@dataclass(frozen=True)
class Preset:
    """Settings with a name. `about` says what they do; of own ones it is empty."""

    name: str
    writing: WritingConfig
    about: str = ""

    @property
    def own(self) -> bool:
        """Whether somebody saved it here."""
        return not self.about


BUILT_IN = (
    Preset(
        "Careful",
        WritingConfig(
            sampling=SamplingConfig(temperature=0.4, top_k=0, top_p=0.9, repetition_penalty=1.05)
        ),
        "Stays with what is likely: few surprises, few mistakes.",
    ),
    Preset(
        "Balanced",
        WritingConfig(),
        "A little bolder than the model, and never from far down its list.",
    ),
    Preset(
        "Wild",
        WritingConfig(sampling=SamplingConfig(temperature=1.5, top_k=0, min_p=0.02)),
        "Takes what is rare too, but not what is absurd beside the likeliest token.",
    ),
)


@dataclass(frozen=True)
class Shelf:
    """The presets that a model has. `damaged` counts files that could not be read."""

    presets: tuple[Preset, ...]
    damaged: int = 0

    def get(self, name: str) -> Preset | None:
        """The preset of that name."""
        return next((preset for preset in self.presets if preset.name == name), None)


def presets_of(root: Path, model_id: str) -> Shelf:
    """Those that come along, then own ones by name. A damaged file harms no other."""
    own: list[Preset] = []
    damaged = 0
    for path in sorted((root / FOLDER / model_id).glob("*.json")):
        try:
            own.append(_read(path))
        except (WorkspaceError, ConfigError):
            damaged += 1
    return Shelf((*BUILT_IN, *sorted(own, key=lambda preset: preset.name.casefold())), damaged)


def keep_preset(root: Path, model_id: str, name: str, writing: WritingConfig) -> Preset:
    """Save settings under a name, in place of own ones of that name.

    How a token is chosen is kept; seed, length, stop strings and number of texts are not.

    Raises: WorkspaceError for a name that cannot be used, too many, or a full disk.
    """
    preset = Preset(clean_name(name), writing.choice())
    if any(preset.name.casefold() == other.name.casefold() for other in BUILT_IN):
        raise WorkspaceError(f"{preset.name!r} comes with the app; choose another name.")
    folder = root / FOLDER / model_id
    path = _path(folder, preset.name)
    if not path.exists() and len(list(folder.glob("*.json"))) >= MOST:
        raise WorkspaceError(f"{MOST} settings are saved for this model; forget one first.")
    with files.disk_errors(folder):
        files.make_folder(folder)
    told = {"schema": SCHEMA, "name": preset.name, "writing": preset.writing.to_json()}
    files.write_json(path, told, checked=True)
    return preset


def forget_preset(root: Path, model_id: str, name: str) -> None:
    """Delete own settings; nothing happens where there are none of that name."""
    path = _path(root / FOLDER / model_id, name)
    with files.disk_errors(path):
        path.unlink(missing_ok=True)


def to_generation_json(writing: WritingConfig) -> dict[str, Any]:
    """The settings by the names of transformers' GenerationConfig.

    seed, order, regex and json_schema have no name there and are left alone by it.

    >>> found = to_generation_json(WritingConfig(method="greedy"))
    >>> found["do_sample"], found["max_new_tokens"]
    (False, 200)
    """
    told: dict[str, Any] = {}
    if writing.method == "beam":
        early = next(key for key, word in _EARLY.items() if word == writing.beam.early_stopping)
        told |= {"do_sample": False, "num_beams": writing.beam.beams}
        told |= {"length_penalty": writing.beam.length_penalty, "early_stopping": early}
    elif writing.method == "contrastive":
        told |= {"do_sample": False, "penalty_alpha": writing.contrastive.penalty}
        told |= {"top_k": writing.contrastive.candidates}
    else:
        told |= generation_config(writing.drawn_with)
    told["max_new_tokens"] = writing.max_new_tokens
    if writing.continuations > 1 and not writing.certain:
        told["num_return_sequences"] = writing.continuations
    if writing.stop:
        told["stop_strings"] = list(writing.stop)
    told |= {form: asked for form in ("regex", "json_schema") if (asked := getattr(writing, form))}
    if not writing.certain:
        told["seed"] = writing.sampling.seed
        if writing.sampling.order != FILTERS:
            told["order"] = list(writing.sampling.order)
    return told


def from_generation_json(text: str, seed: int = 0) -> WritingConfig:
    """The settings that such JSON means; `seed` where it says none. Other names are left alone.

    Raises: ConfigError for text that is no JSON object, and for values out of bounds.
    """
    values = _parsed(text)
    if not isinstance(values.get("do_sample", False), bool | None):
        raise ConfigError(f"do_sample is {values['do_sample']!r}; it must be true or false.")
    sampling = from_generation_config(values, seed=values.get("seed") or seed)
    if isinstance(values.get("order"), list):
        sampling = sampling.replace(order=tuple(values["order"]))
    rest = _rest(values)
    if values.get("do_sample"):
        return WritingConfig(sampling=sampling, **rest)
    beams, alpha = values.get("num_beams") or 1, values.get("penalty_alpha") or 0.0
    if beams != 1:
        return WritingConfig(method="beam", beam=_beam(values, beams), **rest)
    top_k = values.get("top_k")
    if alpha and top_k is not None and top_k != 1:
        contrastive = _renamed(ContrastiveConfig, candidates=top_k, penalty=alpha)
        return WritingConfig(method="contrastive", contrastive=contrastive, **rest)
    kept = SamplingConfig(repetition_penalty=sampling.repetition_penalty, seed=sampling.seed)
    return WritingConfig(method="greedy", sampling=kept, **rest)


def _beam(values: Mapping[str, Any], beams: Any) -> BeamConfig:
    early = values.get("early_stopping")
    early = False if early is None else early
    if not isinstance(early, bool | str) or early not in _EARLY:
        raise ConfigError(f'early_stopping is {early!r}; it must be true, false or "never".')
    length = values.get("length_penalty")
    return _renamed(
        BeamConfig,
        beams=beams,
        length_penalty=1.0 if length is None else length,
        early_stopping=_EARLY[early],
    )


def _renamed(kind: type[T], **values: Any) -> T:
    """The settings; a problem names them as the JSON does."""
    names = {"beams": "num_beams", "candidates": "top_k", "penalty": "penalty_alpha"}
    try:
        return kind(**values)
    except ConfigError as error:
        first, _, rest = str(error).partition(" ")
        raise ConfigError(f"{names.get(first, first)} {rest}") from None


def _rest(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in _REST.items():
        if values.get(name) is not None:
            found[field] = values[name]
    if isinstance(found.get("stop"), str):
        found["stop"] = (found["stop"],)
    if isinstance(count := found.get("continuations"), int):
        found["continuations"] = min(MOST_CONTINUATIONS, count)
    return found


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_JSON:
        raise ConfigError(
            f"The JSON has {len(text):,} characters; {LONGEST_JSON:,} are read. Paste only the "
            "settings of a generation_config.json."
        )
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", "it is nested too deeply")
        raise ConfigError(f"This is no JSON: {why}. Paste all of it, from {{ to }}.") from None
    if not isinstance(values, dict):
        raise ConfigError("The JSON holds no settings: it must be an object, from { to }.")
    return values


def _read(path: Path) -> Preset:
    held = files.read_json(path)
    name, writing = held.get("name"), held.get("writing")
    if held.get("schema") != SCHEMA or not isinstance(name, str) or not isinstance(writing, dict):
        raise WorkspaceError(f"{path.name} holds no settings that this version knows.")
    if path != _path(path.parent, clean_name(name)):
        raise WorkspaceError(f"{path.name} is named for other settings.")
    return Preset(clean_name(name), WritingConfig.from_json(writing))


def _path(folder: Path, name: str) -> Path:
    return folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"
