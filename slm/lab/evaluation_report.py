"""All that can be told of how good a model is, as one HTML page and as JSON.

The sections are in `report_sections`; `SECTIONS` is their order. What a model cannot be asked
(of an imported one there is no training text here) says so in its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import DataError, WorkspaceError
from slm.jobs import Reporter, StoppedError, silent
from slm.lab import report_sections as made_of
from slm.lab.report_page import Section, page
from slm.lab.report_sections import Material, ReportConfig
from slm.lab.reports import open_run
from slm.workspace import Artefact, Workspace

Maker = Callable[[Material], Section]

SECTIONS: tuple[tuple[str, str, Maker], ...] = (
    ("model", "The model", made_of.model),
    ("perplexity", "How well it predicts", made_of.perplexity),
    ("slices", "Where it is caught out", made_of.slices),
    ("calibration", "How sure it may be", made_of.calibration),
    ("copying", "Is it only copying?", made_of.copying),
    ("tasks", "Small tasks", made_of.tasks),
    ("samples", "What it writes", made_of.samples),
    ("curves", "How it learned", made_of.curves),
)
"""Every section in the order of the page. A new measure is one line here."""


def evaluation_report(
    workspace: Workspace,
    run: Artefact,
    config: ReportConfig,
    *,
    step: int | None = None,
    out: Path | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """Every section in JSON values; `out` gets the page.

    Raises: CheckpointError, as `open_run`; StoppedError when asked to stop; WorkspaceError for
    a place that cannot be written.
    """
    material = Material(workspace, run, open_run(run, step), config, step, report)
    sections = []
    for at, (key, title, make) in enumerate(SECTIONS):
        report(at / len(SECTIONS), title)
        if report.should_stop():
            raise StoppedError
        part = _Part(report, at, len(SECTIONS), title)
        sections.append(_made(key, title, make, replace(material, report=part)))
    if out is not None:
        subtitle = f"Step {material.opened.step:,} · {run.id} · run of {run.manifest.created[:10]}"
        files.write_bytes(out, page(f"Evaluation of {run.name}", subtitle, sections).encode())
    return {
        "run": run.id,
        "name": run.name,
        "step": material.opened.step,
        "out": str(out) if out is not None else None,
        **{section.key: dict(section.data) for section in sections},
    }


@dataclass(frozen=True)
class _Part:
    """How far the whole is when one of its equal parts is so far."""

    whole: Reporter
    done: int
    of: int
    title: str

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        self.whole((self.done + (fraction or 0.0)) / self.of, f"{self.title}: {message}")

    def plan(self, stages: Mapping[str, float]) -> None:
        """A part has no stages."""

    def should_stop(self) -> bool:
        """See `Reporter`."""
        return self.whole.should_stop()


def _made(key: str, title: str, make: Maker, material: Material) -> Section:
    """The section, or why there is none: what cannot be asked leaves the rest as it is."""
    try:
        return make(material)
    except (DataError, WorkspaceError) as error:
        return Section(key, title, [f"Not measured: {error}"], {"not_measured": str(error)})
