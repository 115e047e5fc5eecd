"""The run folder: what a run was asked to do, from what, and who made it.

    config.json     everything that decides the run; written once, here
    base/           of a fine-tuned run: the model that it began with, as a checkpoint
    tokenizer/      a copy, so that the run speaks even when its tokenizer was deleted

The other files of a run are the trainer's. No torch is needed to read a run.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from slm import files, limits
from slm.config import Config
from slm.errors import ConfigError, DataError, WorkspaceError
from slm.model.config import ModelConfig, parameter_counts
from slm.model.lora_settings import BASE, adapted_matrices
from slm.owners import maker
from slm.training.config import TrainConfig, as_trained
from slm.workspace import LOCAL_OWNER, Artefact, Workspace

SCHEMA = 1
CONFIG = "config.json"
METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"
REPORT = "report.json"
TOKEN_FILES = ("train.bin", "val.bin")


@dataclass(frozen=True)
class RunSettings:
    """What stands in a run's `config.json`.

    `train` is what the run began with; `slm.training.events` tells what changed on the way.
    `token_files` are SHA-256 sums by file name; `document_end` is the id behind each
    document, where the tokens have one. `forked_from` names the run and the step that
    this one goes on from. `finetuned_from` names the model that a fine-tuned run began
    with: kind (models or runs), id, name, step; its weights are in `base/`. `later_schema` is
    set for a run of a later version: it can be looked at, as far as this version understands it.
    """

    model: ModelConfig
    train: TrainConfig
    corpus: str
    tokenizer: str
    tokens: str
    token_files: Mapping[str, str]
    document_end: int | None = None
    forked_from: Mapping[str, Any] | None = None
    finetuned_from: Mapping[str, Any] | None = None
    later_schema: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `read` understands."""
        return {
            "schema": SCHEMA,
            "model": self.model.to_json(),
            "train": self.train.to_json(),
            "corpus": self.corpus,
            "tokenizer": self.tokenizer,
            "tokens": self.tokens,
            "token_files": dict(self.token_files),
            "document_end": self.document_end,
            "forked_from": None if self.forked_from is None else dict(self.forked_from),
            **({"finetuned_from": dict(self.finetuned_from)} if self.finetuned_from else {}),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The settings that `to_json` wrote, also those of a later version.

        Raises: WorkspaceError when something is missing, or a later version means something
        that this one does not understand; ConfigError when a setting is not allowed.
        """
        try:
            schema = int(values.get("schema", SCHEMA))
            later = schema if schema > SCHEMA else None
            return cls(
                model=ModelConfig.from_json(_understood(values["model"], ModelConfig, later)),
                train=TrainConfig.from_json(_understood(values["train"], TrainConfig, later)),
                corpus=str(values["corpus"]),
                tokenizer=str(values["tokenizer"]),
                tokens=str(values["tokens"]),
                token_files=dict(values["token_files"]),
                document_end=values.get("document_end"),
                forked_from=values.get("forked_from"),
                finetuned_from=values.get("finetuned_from"),
                later_schema=later,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WorkspaceError(f"{CONFIG} of the run is damaged: {error!r}.") from None

    def require_known(self) -> None:
        """Raises: WorkspaceError for the run of a later version, which is not to be changed."""
        if self.later_schema:
            raise WorkspaceError(
                f"The run was written by a later version (schema {self.later_schema}); it can be "
                "looked at, not trained or changed. Update this program."
            )

    @classmethod
    def read(cls, run_folder: Path) -> Self:
        """The settings of the run in that folder.

        Raises: as `from_json`, and WorkspaceError when the file is missing or torn.
        """
        return cls.from_json(files.read_json(run_folder / CONFIG))


def shape_of(model: Artefact) -> ModelConfig:
    """The shape of a run's model, or of an imported one, without its weights.

    Raises: ConfigError, WorkspaceError when its settings are missing or damaged.
    """
    if not model.imported:
        return RunSettings.read(model.folder).model
    told = model.details.get("model")
    if not isinstance(told, dict):
        raise WorkspaceError(f"The settings of {model.name!r} are missing; import it again.")
    return ModelConfig.from_json(told)


@dataclass(frozen=True)
class Beginning:
    """The model that a fine-tuned run begins with. `write_base` commits its weights to a folder."""

    model: Artefact
    step: int
    write_base: Callable[[Path], None]

    @property
    def told(self) -> dict[str, Any]:
        """What the run's settings say of it."""
        kind = self.model.manifest.kind
        return {"kind": kind, "id": self.model.id, "name": self.model.name, "step": self.step}


def base_of_run(run_folder: Path) -> Path:
    """Where the model that a fine-tuned run began with lies."""
    return run_folder / BASE


def create_run(
    workspace: Workspace,
    model_config: ModelConfig,
    train_config: TrainConfig,
    corpus: Artefact,
    tokenizer: Artefact,
    tokens: Artefact,
    name: str,
    owner: str = LOCAL_OWNER,
    more_details: Mapping[str, Any] | None = None,
    beginning: Beginning | None = None,
) -> Artefact:
    """A new run folder, ready for `train`. Nothing is computed yet.

    `more_details` join the manifest's: the group that the run belongs to. `beginning` is the
    model to fine-tune, in place of fresh weights.

    Raises: ConfigError when model and tokens do not fit together; DataError when
    the text is shorter than one window, or is to be cut by documents whose ends are
    not marked; WorkspaceError for an unusable name; LimitError for more than the owner may
    have in a shared room.
    """
    settings = RunSettings(
        model=model_config,
        train=train_config,
        corpus=corpus.id,
        tokenizer=tokenizer.id,
        tokens=tokens.id,
        token_files={
            file_name: str(tokens.manifest.files[file_name]["sha256"])
            for file_name in TOKEN_FILES
            if file_name in tokens.manifest.files
        },
        document_end=tokens.manifest.details.get("document_end"),
        finetuned_from=None if beginning is None else beginning.told,
    )
    _check_fit(settings, tokens)
    parents = {"corpus": corpus, "tokenizer": tokenizer, "tokens": tokens}
    if beginning is not None:
        parents["model"] = beginning.model
    n_parameters = sum(parameter_counts(model_config).values())
    share = limits.read(workspace.root).of(maker(workspace.actor, owner))
    limits.require_training(share, n_parameters, train_config.steps)
    details = {
        "parameters": n_parameters,
        "steps": train_config.steps,
        **(more_details or {}),
    }
    with workspace.runs.create(name, owner=owner, parents=parents, details=details) as draft:
        files.write_json(draft.folder / CONFIG, settings.to_json(), checked=True)
        if beginning is not None:
            beginning.write_base(draft.folder / BASE)
        shutil.copytree(
            tokenizer.folder,
            draft.folder / "tokenizer",
            ignore=shutil.ignore_patterns(files.MANIFEST, "*.lock"),
        )
    return workspace.runs.get(draft.id)


def require_steps(workspace: Workspace, steps: int) -> None:
    """Let a run be so long, which is made already: it is changed, gone on with, or forked.

    Raises: LimitError when whoever works here may have fewer steps.
    """
    limits.require_training(limits.read(workspace.root).of(workspace.actor), 0, steps)


def settings_saved_at(run_folder: Path) -> int | None:
    """The newest step whose checkpoint holds the run's settings, readable and of this version."""
    found = _saved_settings(run_folder)
    return None if found is None else found[0]


def restore_settings(run_folder: Path) -> None:
    """Put the run's settings back from its newest checkpoint, where `config.json` is damaged.

    Raises: WorkspaceError when no checkpoint holds them, or the disk refuses.
    """
    found = _saved_settings(run_folder)
    if found is None:
        raise WorkspaceError("No checkpoint of this run holds its settings.")
    files.write_json(run_folder / CONFIG, found[1].to_json(), checked=True)


def _saved_settings(run_folder: Path) -> tuple[int, RunSettings] | None:
    place = run_folder / "ckpt"
    steps = [int(path.name) for path in place.glob("*") if path.name.isdecimal()]
    for step in sorted(steps, reverse=True):
        try:
            held = files.read_json(place / str(step) / "state.json")["settings"]
            settings = RunSettings.from_json(held)
        except (WorkspaceError, ConfigError, KeyError, TypeError, AttributeError):
            continue
        if settings.later_schema is None:
            return step, settings
    return None


def tokens_folder(run_folder: Path, settings: RunSettings) -> Path:
    """Where the run's token files lie: beside the runs, in the same workspace."""
    return run_folder.absolute().parent.parent / "tokens" / settings.tokens


def _understood(
    values: Mapping[str, Any], settings: type[Config], later: int | None
) -> Mapping[str, Any]:
    """The settings that this version has: of a later version's run, those it knows."""
    if later is None:
        return values
    return {name: value for name, value in values.items() if name in settings.model_fields}


def _check_fit(settings: RunSettings, tokens: Artefact) -> None:
    from slm.data.batches import TokenFile  # brings torch, which reading a run does without

    text = TokenFile(tokens.folder / "train.bin", settings.document_end, settings.train.windows)
    if settings.train.lora is not None:
        if settings.finetuned_from is None:
            raise ConfigError(
                f"lora_rank is {settings.train.lora_rank}, but the run begins with fresh weights, "
                "which adapters cannot make up for. Name a model to fine-tune, or set it to 0."
            )
        adapted_matrices(settings.model, settings.train.lora)
    longest = settings.train.window_length
    if longest is not None and longest > settings.model.context_length:
        raise ConfigError(
            f"window_length is {longest:,}, but the model reads {settings.model.context_length:,} "
            "tokens at most. Choose at most that."
        )
    padded = settings.finetuned_from is not None and text.vocab_size <= settings.model.vocab_size
    if settings.model.vocab_size != text.vocab_size and not padded:
        raise ConfigError(
            f"vocab_size of the model is {settings.model.vocab_size:,}, but the tokens of "
            f"{tokens.name!r} come from a vocabulary of {text.vocab_size:,}. Set it to that."
        )
    context = as_trained(settings.model, settings.train).context_length
    if len(text) < context + 1:
        raise DataError(
            f"The training text holds {len(text):,} tokens; a context of {context:,} needs at "
            f"least {context + 1:,}. Add text or shorten the context."
        )
