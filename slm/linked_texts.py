"""Texts that are too long for a link, kept in the workspace under a short name.

The name is the hash of what is kept, so that the same texts are kept once and nobody can
change what a link opens. Knows texts and the keys of fields, not what they are for.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from slm import files
from slm.errors import DataError, WorkspaceError
from slm.utf8 import well_formed

FOLDER = "views"
MOST_CHARACTERS = 200_000
_NAME = re.compile(r"[0-9a-f]{16}")
_KEY = re.compile(r"[a-z_]{1,40}")


def name_of(texts: Mapping[str, str]) -> str:
    """The name under which these texts are kept.

    >>> name_of({"text": "Once upon a time"})
    'e9aae4f7eb6d55dd'
    """
    whole = json.dumps(dict(sorted(texts.items())), ensure_ascii=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def is_kept(root: Path, name: str) -> bool:
    """Whether the workspace at `root` has texts of this name."""
    return (root / FOLDER / f"{name}.json").is_file()


def keep_texts(root: Path, texts: Mapping[str, str]) -> str:
    """Keep texts by their fields' keys; gives their name.

    Raises: DataError for more than MOST_CHARACTERS; WorkspaceError when the disk refuses.
    """
    n_characters = sum(map(len, texts.values()))
    if n_characters > MOST_CHARACTERS:
        raise DataError(
            f"These texts have {n_characters:,} characters; a link keeps {MOST_CHARACTERS:,}. "
            "Shorten them, or share them as a file."
        )
    name = name_of(texts)
    if not is_kept(root, name):
        with files.disk_errors(root / FOLDER):
            (root / FOLDER).mkdir(parents=True, exist_ok=True)
        files.write_json(root / FOLDER / f"{name}.json", {"texts": dict(texts)})
    return name


def read_texts(root: Path, name: str) -> dict[str, str]:
    """What is kept under this name.

    Raises: WorkspaceError for a name that there is not, and for a file that was changed.
    """
    if not _NAME.fullmatch(name) or not is_kept(root, name):
        raise WorkspaceError(
            "The text of this link is not in this workspace. Ask for the text itself, or open "
            "the link where it was made."
        )
    texts = files.read_json(root / FOLDER / f"{name}.json").get("texts")
    if (
        not isinstance(texts, dict)
        or not all(isinstance(text, str) and _KEY.fullmatch(key) for key, text in texts.items())
        or name_of(texts) != name
    ):
        raise WorkspaceError("The text of this link was changed or damaged. Ask for it again.")
    return {key: well_formed(text) for key, text in texts.items()}
