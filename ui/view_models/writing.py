"""How a text is to be written: methods in words, and settings as the fields of a page hold them.

Knows settings and keys of fields; no models, no Streamlit.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from slm.sampling.config import FILTERS
from slm.sampling.constraint import LONGEST_REGEX, LONGEST_SCHEMA
from slm.sampling.methods import MOST_STOPS, WritingConfig
from slm.sampling.presets import Preset, to_generation_json
from slm.sampling.search import BeamConfig, ContrastiveConfig
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines
from ui.view_models.sampling import (
    ORDER,
    Control,
    arguments_of,
    config_of,
    control_of,
    controls,
    write_order,
)

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "sampling": tr("Sampling"),
        "greedy": tr("Greedy"),
        "beam": tr("Beam search"),
        "contrastive": tr("Contrastive search"),
    }
)
EARLY: Mapping[str, str] = MappingProxyType(
    {
        "when_full": tr("as soon as enough texts are whole"),
        "likely": tr("when no beam is better as it stands"),
        "certain": tr("when no beam can become better"),
    }
)
FORMS: Mapping[str, str] = MappingProxyType(
    {
        "any": tr("Any text"),
        "regex": tr("A regular expression"),
        "json_schema": tr("JSON of a schema"),
    }
)
FORM = "text_form"
METHOD, EARLY_KEY, STOP = "writing_method", "early_stopping", "stop_strings"
LENGTH, CONTINUATIONS = "new_tokens", "continuations"
_BEAM = MappingProxyType(
    {"beams": ("beams", tr("Beams")), "length_penalty": ("length_penalty", tr("Length penalty"))}
)
_CONTRASTIVE = MappingProxyType(
    {
        "candidates": ("candidates", tr("Candidates")),
        "penalty": ("likeness_penalty", tr("Penalty of likeness")),
    }
)
_DEFAULTS = WritingConfig()


class FormField(NamedTuple):
    """How a form is asked for. `example` stands there first."""

    key: str
    label: str
    example: str
    longest: int
    help: str


FORM_FIELDS: Mapping[str, FormField] = MappingProxyType(
    {
        "regex": FormField(
            "text_regex",
            tr("The text behind the prompt must match"),
            r" there was a (little|big|very old) (cat|dog|owl) who [a-z ]{10,60}\.",
            LONGEST_REGEX,
            tr(
                "As a whole, from the first character behind the prompt: begin with a space where "
                "the prompt ends with a word. Look-around and back-references are not known."
            ),
        ),
        "json_schema": FormField(
            "text_schema",
            tr("The text behind the prompt must be JSON of"),
            """{
 "type": "object",
 "properties": {
  "name": {"type": "string", "maxLength": 12},
  "animal": {"enum": ["cat", "dog", "bird"]},
  "age": {"type": "integer", "minimum": 1, "maximum": 99}
 },
 "required": ["name", "animal", "age"],
 "additionalProperties": false
}""",
            LONGEST_SCHEMA,
            tr("Written without blanks between its parts. What the parts say, the model chooses."),
        ),
    }
)


def search_controls(method: str) -> dict[str, Control]:
    """The numbers of a search, by field."""
    declared: tuple[type[BeamConfig] | type[ContrastiveConfig], Mapping[str, tuple[str, str]]]
    declared = (BeamConfig, _BEAM) if method == "beam" else (ContrastiveConfig, _CONTRASTIVE)
    config, labels = declared
    return {field: control_of(config, field, key, label) for field, (key, label) in labels.items()}


def whole_controls() -> dict[str, Control]:
    """Length and number of texts."""
    labels = {
        "max_new_tokens": (LENGTH, tr("Length")),
        "continuations": (CONTINUATIONS, tr("Texts")),
    }
    return {
        field: control_of(WritingConfig, field, key, label)
        for field, (key, label) in labels.items()
    }


def writing_of(values: Mapping[str, Any]) -> WritingConfig:
    """The settings that session state (or anything with its keys) holds; defaults elsewhere.

    >>> writing_of({"writing_method": "beam", "beams": 3}).beam.beams
    3
    """

    def numbers(asked: Mapping[str, Control]) -> dict[str, Any]:
        held = {field: values.get(control.key) for field, control in asked.items()}
        return {field: value for field, value in held.items() if isinstance(value, int | float)}

    method, early = values.get(METHOD), values.get(EARLY_KEY)
    early_stopping = {"early_stopping": early} if early in EARLY else {}
    typed = values.get(STOP)
    return WritingConfig(
        method=method if method in METHODS else _DEFAULTS.method,
        sampling=config_of(values),
        beam=BeamConfig(**numbers(search_controls("beam")), **early_stopping),
        contrastive=ContrastiveConfig(**numbers(search_controls("contrastive"))),
        stop=read_stops(typed) if isinstance(typed, list | tuple) else (),
        **_form_of(values),
        **numbers(whole_controls()),
    )


def _form_of(values: Mapping[str, Any]) -> dict[str, str]:
    """What the text must match, by the name of its setting; nothing for a search."""
    form = values.get(FORM)
    if form not in FORM_FIELDS or values.get(METHOD) in {"beam", "contrastive"}:
        return {}
    field = FORM_FIELDS[str(form)]
    typed = values.get(field.key, field.example)
    return {str(form): str(typed or "")[: field.longest]}


def session_values(writing: WritingConfig) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the fields must hold for these settings, and a sentence for what they cannot hold.

    The seed, the number of texts and the order of filters are among them.
    """
    values: dict[str, Any] = {METHOD: writing.method, STOP: [show_stop(s) for s in writing.stop]}
    values[FORM] = next((form for form in FORM_FIELDS if getattr(writing, form)), "any")
    if writing.constrained:
        values[FORM_FIELDS[values[FORM]].key] = getattr(writing, values[FORM])
    values[EARLY_KEY] = writing.beam.early_stopping
    values[ORDER] = write_order(writing.sampling.order)
    notes: list[str] = []
    parts = (
        (writing.sampling, controls(), writing.method in {"sampling", "greedy"}),
        (writing.beam, search_controls("beam"), writing.method == "beam"),
        (writing.contrastive, search_controls("contrastive"), writing.method == "contrastive"),
        (writing, whole_controls(), True),
    )
    for config, asked, matters in parts:
        for field, control in asked.items():
            wanted = getattr(config, field) or 0
            held = min(control.high, max(control.low, wanted))
            values[control.key] = int(held) if control.whole else float(held)
            if held != wanted and matters:
                way = tr("more") if wanted > held else tr("less")
                offered = tr("{way} than this page offers: it is {held:g} here.").format(
                    way=way, held=held
                )
                notes.append(
                    tr("{label} {wanted:g} is {offered}").format(
                        label=control.label, wanted=wanted, offered=offered
                    )
                )
    return values, tuple(notes)


def choice_values(preset: Preset) -> dict[str, Any]:
    """What the fields must hold for a preset; seed, length, endings, form and texts stay."""
    values, _ = session_values(preset.writing)
    stay = {
        STOP,
        FORM,
        *(control.key for control in whole_controls().values()),
        controls()["seed"].key,
    }
    return {key: value for key, value in values.items() if key not in stay}


def read_stops(typed: Sequence[Any]) -> tuple[str, ...]:
    r"""The stop strings that were typed, where \n is a new line and \t a tab.

    >>> read_stops([r"\n\n", "The end", "The end", ""])
    ('\n\n', 'The end')
    """
    texts = [each for each in typed if isinstance(each, str) and each]
    read = [text.replace("\\n", "\n").replace("\\t", "\t")[:100] for text in texts]
    return tuple(dict.fromkeys(read))[:MOST_STOPS]


def show_stop(stop: str) -> str:
    r"""A stop string as it is typed.

    >>> show_stop("a\n")
    'a\\n'
    """
    return stop.replace("\n", "\\n").replace("\t", "\\t")


def named_by(presets: Sequence[Preset], writing: WritingConfig) -> str | None:
    """The preset that chooses tokens as these settings do."""
    plain = _what_matters(writing)
    return next((each.name for each in presets if _what_matters(each.writing) == plain), None)


def json_text(writing: WritingConfig) -> str:
    """The settings as JSON, to be copied."""
    return json.dumps(to_generation_json(writing), indent=1, ensure_ascii=False)


def code_lines(run: Artefact, prompt: str, writing: WritingConfig, *, go_on: bool = False) -> str:
    """The lines that write the same texts without a browser."""
    eos_id = "None" if go_on else "opened.tokenizer.eos_id"
    names = {"beam": "BeamConfig", "contrastive": "ContrastiveConfig", "greedy": "SamplingConfig"}
    kind = names.get(writing.method, "SamplingConfig")
    module = "search" if writing.method in {"beam", "contrastive"} else "config"
    filters = (
        "\nfrom slm.sampling.config import FILTERS" if writing.sampling.order != FILTERS else ""
    )
    arguments = _arguments(writing)
    members, given = ["Draft", "WritingConfig", "write"], ""
    if writing.constrained:
        members.insert(2, "constrained")
        given = (
            "\n            constraint=constrained(opened.model, opened.tokenizer, config, "
            f"eos_id={eos_id}),"
        )
    return f"""{open_lines(run)}
from slm.sampling.{module} import {kind}{filters}
from slm.sampling.methods import {", ".join(members)}
from slm.sampling.steps import decode_stream

prompt = {prompt!r}
ids = opened.tokenizer.encode(prompt)
config = WritingConfig({arguments})
for seed in config.seeds():
    written = list(
        write(
            opened.model,
            ids,
            config.with_seed(seed),
            eos_id={eos_id},
            decoder=lambda: opened.tokenizer.decoder(ids),{given}
        )
    )
    steps = written[-1].steps if written and isinstance(written[-1], Draft) else written
    pieces = decode_stream(steps, opened.tokenizer, after=ids, stop=config.stop)
    print(prompt + "".join(pieces))
"""


def command_line(run_name: str, prompt: str, writing: WritingConfig, *, go_on: bool = False) -> str:
    """The command that writes the same in a terminal."""
    parts = ["python -m slm write", f"--run {_quoted(run_name)}", f"--prompt {_quoted(prompt)}"]
    parts += [f"--method {writing.method}"] if writing.method != _DEFAULTS.method else []
    for config, usual in _used(writing):
        for field in type(config).model_fields:
            value = getattr(config, field)
            if value == getattr(usual, field) or field in {"method", "sampling", "beam"}:
                continue
            if field == "contrastive":
                continue
            told = " ".join(map(_quoted, value)) if isinstance(value, tuple) else f"{value}"
            told = _quoted(told) if field in FORM_FIELDS else told
            parts.append(f"--{field.replace('_', '-')} {told}")
    return " ".join([*parts, *(["--go-on True"] if go_on else [])])


def _arguments(writing: WritingConfig) -> str:
    """What differs from the defaults, as arguments of a WritingConfig."""
    parts = [f"method={writing.method!r}"] if writing.method != _DEFAULTS.method else []
    if writing.method in {"sampling", "greedy"}:
        if told := arguments_of(writing.sampling):
            parts.append(f"sampling=SamplingConfig({told})")
    else:
        config = getattr(writing, writing.method)
        if told := arguments_of(config):
            parts.append(f"{writing.method}={type(config).__name__}({told})")
    for field in ("max_new_tokens", "continuations", "stop", *FORM_FIELDS):
        if getattr(writing, field) != getattr(_DEFAULTS, field):
            parts.append(f"{field}={getattr(writing, field)!r}")
    return ", ".join(parts)


def _used(writing: WritingConfig) -> list[tuple[Any, Any]]:
    """The settings that the method reads, each with its defaults."""
    found: list[tuple[Any, Any]] = [(writing, _DEFAULTS)]
    if writing.method in {"sampling", "greedy"}:
        found.append((writing.sampling, _DEFAULTS.sampling))
    if writing.method == "beam":
        found.append((writing.beam, _DEFAULTS.beam))
    if writing.method == "contrastive":
        found.append((writing.contrastive, _DEFAULTS.contrastive))
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _what_matters(writing: WritingConfig) -> WritingConfig:
    """How a token is chosen, without the settings that the method does not read."""
    if writing.method == "beam":
        return WritingConfig(method="beam", beam=writing.beam)
    if writing.method == "contrastive":
        return WritingConfig(method="contrastive", contrastive=writing.contrastive)
    return WritingConfig(method=writing.method, sampling=writing.drawn_with.replace(seed=0))
