"""A model leaves: in a format, to a folder that is named, or to the shelf of what was taken out.

    <workspace>/exports/<id>/manifest.json  proof.json  <name>/…

What is written appears whole or not at all. Then, where the format has a check, what was
written is opened elsewhere and compared; what came of that stands in `proof.json`.

The manifest's `details`: format, number_format, step, weights_mark, folder (the name inside),
source (id of the run or model), and what the format tells. Its parent is the run or model, with
its hash.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from slm import files
from slm.config import Config
from slm.errors import ConfigError, WorkspaceError
from slm.exchange.exporting import new_folder
from slm.exchange.formats import FORMATS, format_named
from slm.exchange.outgoing import Format, Outgoing, Proof
from slm.jobs import Reporter, StoppedError, silent
from slm.model.tensors import stored_tensors
from slm.workspace import LOCAL_OWNER, Artefact, Shelf, Workspace

SHELF = "exports"
PROOF = "proof.json"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60
_WRITING_SHARE = 0.6


class TakeOutConfig(Config):
    """In which form a model leaves."""

    format: str = Field(
        FORMATS[0].key,
        description="The form: " + ", ".join(each.key for each in FORMATS) + ".",
    )
    number_format: str | None = Field(
        None,
        description="How numbers are stored: float32, bfloat16 or float16 for a Hugging Face "
        "folder. Default: float32; an imported model as it was published.",
    )
    proof: bool = Field(
        True, description="Open what was written with the program it is for, and compare."
    )


@dataclass(frozen=True)
class TakenOut:
    """What was written, where, and what came of checking it (None: there is no check, or none was
    asked for). `number_format` is empty for a form without weights."""

    folder: Path
    number_format: str
    told: Mapping[str, Any]
    proof: Proof | None


class _Stopping:
    """Passes reports on as a part of the whole, and ends the work when asked to stop."""

    def __init__(self, whole: Reporter, low: float, high: float, stops: bool) -> None:
        self._whole, self._low, self._high, self._stops = whole, low, high, stops

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `Reporter`. Raises: StoppedError where what is half-made is to be thrown away."""
        if self._stops and self._whole.should_stop():
            raise StoppedError
        share = self._low + (self._high - self._low) * (fraction or 0.0)
        self._whole(share, message, stage=stage, **facts)

    def plan(self, stages: Mapping[str, float]) -> None:
        """A part has no stages."""

    def should_stop(self) -> bool:
        """See `Reporter`."""
        return self._whole.should_stop()


def exports(workspace: Workspace) -> Shelf:
    """What was taken out of this workspace."""
    return Shelf(SHELF, workspace.root, actor=workspace.actor)


def take_out(
    outgoing: Outgoing, config: TakeOutConfig, folder: Path, report: Reporter = silent
) -> TakenOut:
    """Write the model to a new folder and prove it.

    Raises: ConfigError for a format or numbers that there are not; WorkspaceError when the
        folder is in use, or the disk full; what the format raises for a model that it cannot
        hold; StoppedError when asked to stop before all was written.
    """
    chosen = format_named(config.format)
    number_format = _number_format(chosen, config, outgoing)
    told: dict[str, Any] = {}
    fields: dict[str, Any] = {"schema": 1, "details": told}
    with files.commit_folder(new_folder(folder), fields) as staging:
        writing = _Stopping(report, 0.0, _WRITING_SHARE, stops=True)
        told.update(chosen.write(outgoing, staging, number_format, writing))
    proof = _proof(chosen, outgoing, folder, number_format, config, report)
    if proof is not None:
        files.write_json(folder / PROOF, proof.to_json())
    return TakenOut(folder, number_format, told, proof)


def take_out_to_shelf(
    workspace: Workspace,
    outgoing: Outgoing,
    config: TakeOutConfig,
    report: Reporter = silent,
    *,
    owner: str = LOCAL_OWNER,
) -> Artefact:
    """As `take_out`, kept in the workspace, from where it can be downloaded.

    Raises: as `take_out`.
    """
    chosen = format_named(config.format)
    number_format = _number_format(chosen, config, outgoing)
    source = outgoing.source
    name = folder_name(outgoing.name, outgoing.step, source is not None and source.imported)
    shelf = exports(workspace)
    shelf.sweep()
    parents = {"model": source} if source is not None else {}
    with shelf.create(outgoing.name, owner=owner, parents=parents) as draft:
        inside = draft.folder / name
        inside.mkdir()
        writing = _Stopping(report, 0.0, _WRITING_SHARE, stops=True)
        told = chosen.write(outgoing, inside, number_format, writing)
        draft.details.update(
            format=chosen.key,
            number_format=number_format,
            step=outgoing.step,
            weights_mark=outgoing.weights_mark,
            folder=name,
            source=source.id if source is not None else None,
            config=config.to_json(),
            told=dict(told),
        )
    made = shelf.get(draft.id)
    proof = _proof(chosen, outgoing, made.folder / name, number_format, config, report)
    if proof is not None:
        files.write_json(made.folder / PROOF, proof.to_json())
    return made


def prove_export(outgoing: Outgoing, export: Artefact, report: Reporter = silent) -> Proof:
    """Check anew what stands on the shelf; `proof.json` is written anew.

    Raises: ConfigError for a form that has no check; StoppedError when asked to stop, and what
        stood in `proof.json` stays.
    """
    chosen = format_named(str(export.details.get("format")))
    if chosen.prove is None:
        raise ConfigError(f"There is no check for the format {chosen.key}.")
    number_format = str(export.details.get("number_format") or "")
    proof = chosen.prove(outgoing, content_of(export), number_format, report)
    files.write_json(export.folder / PROOF, proof.to_json())
    return proof


def content_of(export: Artefact) -> Path:
    """The folder of an export that is taken home.

    Raises: WorkspaceError when its manifest names none that is there.
    """
    name = export.details.get("folder")
    if not isinstance(name, str) or name != _NOT_IN_NAMES.sub("-", name) or name.startswith("."):
        raise WorkspaceError(f"{export.name!r} is damaged; take the model out again.")
    return export.folder / name


def weights_mark(checkpoint: Path) -> str:
    """A hash over the hashes of a checkpoint's weights: another for a rounded snapshot of it.

    Raises: WorkspaceError when it has no manifest.
    """
    entries = files.read_json(checkpoint / files.MANIFEST).get("files")
    known = entries.items() if isinstance(entries, dict) else ()
    weights = sorted(
        (name, str(entry.get("sha256")))
        for name, entry in known
        if name.endswith(".safetensors") and not name.startswith("optimizer")
    )
    return hashlib.sha256(json.dumps(weights).encode()).hexdigest()


def read_proof(folder: Path) -> Proof | None:
    """What came of the last check; None where there was none, or its record is damaged."""
    try:
        return Proof.from_json(files.read_json(folder / PROOF))
    except (WorkspaceError, KeyError, TypeError):
        return None


def number_format_of(chosen: Format, source: Artefact | None) -> str:
    """The numbers that are usual for the format, or with which an imported model came."""
    usual = chosen.number_formats[0] if chosen.number_formats else ""
    if source is None or not source.imported:
        return usual
    stored = {str(each.dtype) for each in stored_tensors(source.folder).values()}
    kept = stored.pop().removeprefix("torch.") if len(stored) == 1 else usual
    return kept if kept in chosen.number_formats else usual


def folder_name(name: str, step: int, imported: bool) -> str:
    """A folder's name from that of a model, for every system; an imported model has no step.

    >>> folder_name("Größe 1/2 <b>", 400, imported=False), folder_name("…", 0, imported=True)
    ('Gr-e-1-2-b-step-400', 'model')
    """
    bare = _NOT_IN_NAMES.sub("-", name)[:_LONGEST_NAME].strip("-._") or "model"
    return bare if imported else f"{bare}-step-{step}"


def _number_format(chosen: Format, config: TakeOutConfig, outgoing: Outgoing) -> str:
    asked = config.number_format
    if asked is None:
        return number_format_of(chosen, outgoing.source)
    if asked not in chosen.number_formats:
        known = ", ".join(chosen.number_formats) or "it has none to choose"
        raise ConfigError(f"The format {chosen.key} has no numbers of {asked!r}; it has: {known}.")
    return asked


def _proof(
    chosen: Format,
    outgoing: Outgoing,
    folder: Path,
    number_format: str,
    config: TakeOutConfig,
    report: Reporter,
) -> Proof | None:
    if chosen.prove is None or not config.proof or report.should_stop():
        return None
    part = _Stopping(report, _WRITING_SHARE, 1.0, stops=False)
    try:
        return chosen.prove(outgoing, folder, number_format, part)
    except StoppedError:
        return None  # what was written stays, and can be proved later
