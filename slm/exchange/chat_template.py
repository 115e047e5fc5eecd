"""The chat template of a published model: where it stands, and what is kept of it.

It is text here; `slm.serving.templates` lets it lay out conversations, in a sandbox.
"""

from pathlib import Path
from typing import Any

from slm import files
from slm.errors import DataError
from slm.tokenizer.imported import settings_beside
from slm.workspace import Artefact

TEMPLATE_FILE = "chat_template.jinja"
MOST_BYTES = 2**18
_SETTING = "chat_template"


def keep_chat_template(source: Path, tokenizer_folder: Path) -> bool:
    """Put the model's template beside its tokenizer; whether it has one that can be kept.

    It is a file of its own, or a setting of `tokenizer_config.json`, which may hold several by
    name: then "default" is the one. What is no text, or too long, is passed over.
    """
    template = _published(source)
    if template is None or len(template.encode(errors="replace")) > MOST_BYTES:
        return False
    files.write_bytes(tokenizer_folder / TEMPLATE_FILE, template.encode(errors="replace"))
    return True


def read_chat_template(tokenizer_folder: Path) -> str | None:
    """The template beside a tokenizer; None without one.

    Raises: DataError for one that is damaged.
    """
    path = tokenizer_folder / TEMPLATE_FILE
    if not path.is_file():
        return None
    with files.disk_errors(path), path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    try:
        if len(data) <= MOST_BYTES:
            return data.decode()
    except UnicodeDecodeError:
        pass
    raise DataError(f"{TEMPLATE_FILE} of this model is damaged. Bring the model in again.")


def _published(source: Path) -> str | None:
    path = source / TEMPLATE_FILE
    if path.is_file():
        with files.disk_errors(path), path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1).decode(errors="replace")
    setting: Any = settings_beside(source).get(_SETTING)
    if isinstance(setting, list):
        named = {each.get("name"): each.get("template") for each in setting if _is_object(each)}
        setting = named.get("default")
    return setting if isinstance(setting, str) and setting.strip() else None


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def has_chat_template(model: Artefact) -> bool:
    """Whether the model, run or imported, was published with a chat template."""
    return (model.folder / "tokenizer" / TEMPLATE_FILE).is_file()
