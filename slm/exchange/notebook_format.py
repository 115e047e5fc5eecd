"""A model's story as a way out: the notebook and the script beside each other. No weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slm.errors import ConfigError
from slm.exchange.notebook import NOTEBOOK, SCRIPT, file_name, story_of
from slm.exchange.outgoing import Format, Outgoing
from slm.files import write_bytes
from slm.jobs import Reporter


def _write(
    outgoing: Outgoing, folder: Path, number_format: str, report: Reporter
) -> Mapping[str, Any]:
    del number_format, report
    if outgoing.source is None or outgoing.workspace is None:
        raise ConfigError(
            "A notebook tells how a run or an imported model of the workspace came about; this "
            "model stands by itself. Take it out as a Hugging Face folder."
        )
    story = story_of(outgoing.workspace, outgoing.source)
    for ending in (NOTEBOOK, SCRIPT):
        written = folder / file_name(outgoing.source, ending)
        write_bytes(written, story.text(ending).encode())
    return {"trains_again": story.repeated}


NOTEBOOK_AND_SCRIPT = Format(
    key="notebook",
    label="Notebook and script",
    about="How it was made, from its sources on, as Python that runs: for Jupyter, and by itself.",
    write=_write,
)
