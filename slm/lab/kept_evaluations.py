"""Measurements that the workspace keeps, so that a reload shows them and nobody measures twice.

    <workspace>/evaluations/<model id>/<key>.json

The key says which checkpoint, which text and which settings. Derived: deleting the folder loses
nothing but time; the newest few of each model are kept.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import DataError, WorkspaceError
from slm.lab.evaluation import EvaluateConfig
from slm.lab.judged_text import TextConfig
from slm.lab.reports import checkpoint_at, run_tokens
from slm.workspace import Artefact, Workspace

FOLDER = "evaluations"
SCHEMA = 1
KEPT = 40
"""Measurements of one model; older ones are removed."""


def keep_evaluation(
    workspace: Workspace,
    run: Artefact,
    config: EvaluateConfig,
    found: dict[str, Any],
    step: int | None = None,
) -> Path:
    """Write a measurement down; gives the file.

    Raises: WorkspaceError when the disk is full; CheckpointError as `checkpoint_at`.
    """
    path = _path(workspace, run, config, step)
    files.make_folder(path.parent)
    files.write_json(
        path, {"schema": SCHEMA, "config": config.to_json(), "found": found}, checked=True
    )
    _keep_newest(path.parent)
    return path


def kept_evaluation(
    workspace: Workspace, run: Artefact, config: EvaluateConfig, step: int | None = None
) -> dict[str, Any] | None:
    """What was measured of just this checkpoint, text and settings; None while nothing was.

    Raises: CheckpointError as `checkpoint_at`; WorkspaceError when another model is gone.
    """
    try:
        held = files.read_json(_path(workspace, run, config, step))
    except WorkspaceError:
        return None
    found = held.get("found")
    return found if held.get("schema") == SCHEMA and isinstance(found, dict) else None


def _path(workspace: Workspace, run: Artefact, config: EvaluateConfig, step: int | None) -> Path:
    others = [_model_mark(workspace.get_model(name), None) for name in config.against]
    made_of = [
        SCHEMA,
        _model_mark(run, step),
        others,
        _text_mark(workspace, run, config),
        config.to_json(),
    ]
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]
    return workspace.root / FOLDER / run.id / f"{key}.json"


def _model_mark(run: Artefact, step: int | None) -> list[Any]:
    """Which weights: a checkpoint's manifest names the hash of each file."""
    reference = checkpoint_at(run, step)
    manifest = reference.folder / files.MANIFEST
    return [run.id, reference.step, files.sha256_of(manifest) if manifest.exists() else None]


def _text_mark(workspace: Workspace, run: Artefact, config: TextConfig) -> list[Any]:
    """Which text, so that another text under the same name is measured anew."""
    mark: list[Any] = []
    with suppress(DataError):
        mark.append(run_tokens(workspace, run).manifest.digest)
    if config.corpus:
        mark.append(workspace.corpora.get(config.corpus).manifest.digest)
    for named in (config.text_file, Path(config.source) if config.source else None):
        if named is not None and named.exists():
            told = named.stat()
            mark.append([str(named.absolute()), told.st_mtime_ns, told.st_size])
    return mark


def _keep_newest(folder: Path) -> None:
    held = sorted(folder.glob("*.json"), key=_age, reverse=True)
    for old in held[KEPT:]:
        with suppress(OSError):  # another process removes it just now
            old.unlink()


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
