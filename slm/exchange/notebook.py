"""A model's story as a notebook or a script that runs: what was clicked, told in `slm` alone.

    cells_of(workspace, model)  →  as_notebook(cells), as_script(cells)

Of a run: everything from its sources on, in a workspace of its own, each result compared with
the one that there was. Of an imported model: how it came in, and what can be done with it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.exchange.cells import Cell, as_notebook, as_script, code, said, words
from slm.exchange.importing import ImportConfig
from slm.exchange.lineage import Lineage
from slm.exchange.lineage_reading import lineage_of
from slm.exchange.notebook_gaps import gap_sentences
from slm.exchange.notebook_making import making_cells
from slm.exchange.notebook_using import using_cells
from slm.exchange.python_text import config_names, import_lines, literal, settings
from slm.workspace import Artefact, Workspace

Part = Literal["all", "use"]
"""all: from the sources on. use: open the model as it is here, and go on from there."""
NOTEBOOK, SCRIPT = ".ipynb", ".py"
_ROOT = Path(__file__).resolve().parents[2]
_IMPORTED_PROMPT = "Once upon a time"


@dataclass(frozen=True)
class Story:
    """A model's cells. `repeated`: the training is in them; `gaps`: what stands in the way,
    in Markdown."""

    title: str
    cells: tuple[Cell, ...]
    repeated: bool
    gaps: tuple[str, ...]

    def text(self, ending: str) -> str:
        """The content of the file with that ending, `.ipynb` or `.py`."""
        if ending == NOTEBOOK:
            return json.dumps(as_notebook(self.cells), ensure_ascii=False, indent=1) + "\n"
        return as_script(self.cells)


def story_of(workspace: Workspace, model: Artefact, part: Part = "all") -> Story:
    """How that run was made, or an imported model came in, and how it is used.

    Raises: WorkspaceError, ConfigError when its own settings are missing or damaged.
    """
    assert part in get_args(Part), part
    if model.imported:
        return _story_of_imported(workspace, model, part)
    lineage = lineage_of(workspace, model)
    repeated = part == "all" and lineage.repeatable
    gaps = tuple(gap_sentences(lineage.gaps)) if part == "all" else ()
    cells = [_title(model, repeated, gaps)]
    if repeated:
        cells += [_own_workspace(lineage, model), *making_cells(lineage)]
        cells.append(_skip(model))
    else:
        cells += _opening(model)
    prompt = next(iter(lineage.run(model.id).train.sample_prompts), "")
    cells += using_cells(workspace, model, prompt)
    return Story(model.name, tuple(cells), repeated, gaps)


def write_story(workspace: Workspace, model: Artefact, path: Path, part: Part = "all") -> Story:
    """Write the notebook (`.ipynb`) or the script (`.py`) that `path` names.

    Raises: ConfigError for another ending; WorkspaceError for a file that is there already.
    """
    if path.suffix not in {NOTEBOOK, SCRIPT}:
        raise ConfigError(f"{path.name} must end with {NOTEBOOK} (notebook) or {SCRIPT} (script).")
    if path.exists():
        raise WorkspaceError(f"{path.name} exists already; choose another name.")
    story = story_of(workspace, model, part)
    with files.disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write_bytes(path, story.text(path.suffix).encode())
    return story


def file_name(model: Artefact, ending: str) -> str:
    """A name for the file that any file system takes.

    >>> from slm.workspace import Manifest
    >>> told = Manifest("20261122-124015-e64f6b", "My model: 2!", "runs")
    >>> file_name(Artefact(Path("x"), told), ".py")
    'my-model-2-e64f6b.py'
    """
    return f"{_slug(model)}{ending}"


def _slug(model: Artefact) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-")[:40]
    return "-".join(filter(None, (plain, model.id[-6:])))


def _title(model: Artefact, repeated: bool, gaps: tuple[str, ...]) -> Cell:
    told = f"# How {said(model.name)} was made" if repeated else f"# {said(model.name)}"
    told += (
        "\n\nWritten by SLM Lab from what it kept of this model. Run it in the folder of SLM Lab, "
        "or with that folder on PYTHONPATH: it needs nothing but `slm`."
    )
    if repeated:
        told += (
            " It makes everything again in a workspace of its own and changes nothing in yours. On "
            "the same machine, with the same versions, each number comes out the same, to the "
            "last bit; the lines that say *the same as then* show it."
        )
    if gaps:
        told += "\n\nWhat to know before:\n\n" + "\n".join(f"- {gap}" for gap in gaps)
    return words(told)


def _own_workspace(lineage: Lineage, model: Artefact) -> Cell:
    shared = ", read_only=[DEMO]" if any(run.shipped for run in lineage.runs[:-1]) else ""
    names = "DEMO, TerminalReporter" if shared else "TerminalReporter"
    return code(
        "from pathlib import Path\n\n"
        f"from slm.verbs.common import {names}\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({literal('again-' + _slug(model))}){shared})\n"
        "report = TerminalReporter()"
    )


def _skip(model: Artefact) -> Cell:
    return words(
        "To go on without training, begin here with the first cell and these two lines:\n\n"
        f"    workspace = Workspace({literal(_shown_root(model))})\n"
        f"    run = workspace.{model.manifest.kind}.get({literal(model.id)})"
    )


def _opening(model: Artefact) -> list[Cell]:
    return [
        code(
            "from pathlib import Path\n\n"
            "from slm.verbs.common import TerminalReporter\n"
            "from slm.workspace import Workspace\n\n"
            f"workspace = Workspace({literal(_shown_root(model))})\n"
            f"run = workspace.{model.manifest.kind}.get({literal(model.id)})\n"
            "report = TerminalReporter()"
        )
    ]


def _shown_root(model: Artefact) -> Path:
    """The workspace that the model is in; below the program's folder, relative to that."""
    root = model.folder.parents[1].resolve()
    return root.relative_to(_ROOT) if root.is_relative_to(_ROOT) else root


def _story_of_imported(workspace: Workspace, model: Artefact, part: Part) -> Story:
    source, gaps = _where_from(model)
    again = part == "all" and source is not None
    cells = [_title(model, False, gaps if part == "all" else ())]
    if again:
        assert source is not None
        cells += list(_bringing(model, source))
    else:
        cells += _opening(model)
    cells += list(_shape_cells(model))
    cells += using_cells(workspace, model, _IMPORTED_PROMPT)
    return Story(model.name, tuple(cells), again, gaps)


def _where_from(model: Artefact) -> tuple[ImportConfig | None, tuple[str, ...]]:
    """How to bring the model in again; None where that cannot be, with the reason in Markdown."""
    try:
        config = ImportConfig.from_json(model.details.get("config", {}))
    except ConfigError:
        return None, ("How it came in is not known any more; it is opened as it is here.",)
    weights = model.manifest.files.get("model.safetensors", {}).get("sha256", "")
    if Path(config.source).exists():
        return config.replace(source=str(Path(config.source).absolute())), ()
    if str(model.details.get("imported_from", "")) != config.source:
        return None, (
            f"{said(Path(config.source).name)}, which it was read from, is not here any more; it "
            f"is opened as it is here (its weights have the SHA-256 `{weights}`).",
        )
    pinned = next(
        (str(told) for key in ("commit", "revision") if (told := model.details.get(key))), None
    )
    gap = (
        f"It comes from the Hub: {said(config.source)} at revision {said(pinned)}. That needs "
        "the network."
        if pinned
        else f"It comes from the Hub: {said(config.source)}, whichever revision is the newest "
        "there. That needs the network."
    )
    return config.replace(revision=pinned), (gap,)


def _bringing(model: Artefact, config: ImportConfig) -> Iterator[Cell]:
    yield code(
        "from pathlib import Path\n\n"
        "from slm.verbs.common import TerminalReporter\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({literal('again-' + _slug(model))}))\n"
        "report = TerminalReporter()"
    )
    yield words(
        "Weights, settings and tokenizer are read as data and put into our own transformer; no "
        "code of anybody else runs."
    )
    imports = {"slm.exchange.importing:import_model", *config_names(config)}
    yield code(
        f"{import_lines(imports)}\n\nrun = import_model(workspace, {settings(config)}, report)"
    )


def _shape_cells(model: Artefact) -> Iterator[Cell]:
    architecture = str(model.details.get("architecture") or "a transformer")
    yield words(f"## 3 Model\n\n{said(architecture)}, in the settings of this program:")
    yield code(
        'for name, value in run.details["model"].items():\n'
        '    print(f"{name}: {value}")\n'
        "print(f\"{run.details['parameters']:,} parameters\")"
    )
