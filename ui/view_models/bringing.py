"""What a model that is brought in is and needs, in words."""

from dataclasses import dataclass

from slm.errors import NoMemoryError
from slm.exchange.arriving import Arrival, require_memory
from ui.view_models.jobs import count, size


@dataclass(frozen=True)
class Needs:
    """One line for what it is; why it cannot come, if so. Both may hold foreign text."""

    what: str
    problem: str | None


def needs(arrival: Arrival) -> Needs:
    """Family, size, and room on the disk and in memory, before anything is copied."""
    config = arrival.config
    what = (
        f"{arrival.architecture}: {count(arrival.parameters)} parameters, {config.n_layers} layers "
        f"of {config.n_heads} heads, context of {config.context_length:,} tokens. It takes "
        f"{size(arrival.file_bytes)} on the disk and {size(arrival.memory_bytes)} in memory. "
        f"Licence: {arrival.licence or 'not told in its README'}."
    )
    try:
        require_memory(arrival)
    except NoMemoryError as error:
        return Needs(what, str(error))
    return Needs(what, None)


def code_lines(root: str) -> str:
    """Lines that bring a model in, to be run from the app's folder."""
    return (
        "from pathlib import Path\n\n"
        "from slm.exchange.importing import ImportConfig, import_model\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}))\n"
        "config = ImportConfig(source='models/gpt2', name='GPT-2')  # a folder, a zip, owner/name\n"
        "made = import_model(workspace, config)\n"
    )
