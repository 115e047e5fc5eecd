"""The report as a page offers it: what it would tell, what stands in the one that was made.

Knows a job's result; neither models nor Streamlit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slm.lab.evaluation_report import SECTIONS
from slm.workspace import Artefact
from ui.view_models.code import open_lines


@dataclass(frozen=True)
class ReportLine:
    """One section: its title, and why it is missing, where it is."""

    title: str
    problem: str


def contents(result: Mapping[str, Any]) -> tuple[ReportLine, ...]:
    """The sections of a report that was made. Long ones are left out of a job's result."""
    return tuple(
        ReportLine(title, str(dict(result.get(key) or {}).get("not_measured", "")))
        for key, title, _ in SECTIONS
    )


def file_name(run: Artefact) -> str:
    """A file name for the page that every system takes.

    >>> from types import SimpleNamespace
    >>> file_name(SimpleNamespace(name="My run: ü/1"))
    'evaluation-My-run-1.html'
    """
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in run.name)
    return f"evaluation-{'-'.join(kept.split()) or 'run'}.html"


def report_code(run: Artefact, max_tokens: int, questions: int) -> str:
    """The lines that make the same report without a browser."""
    return f"""{open_lines(run)}
from slm.lab.evaluation_report import evaluation_report
from slm.lab.report_sections import ReportConfig

config = ReportConfig(max_tokens={max_tokens}, questions={questions})
found = evaluation_report(workspace, run, config, out=Path("report.html"))
print(found["perplexity"]["model"])
"""
