"""Which of the tokenizers a folder holds."""

from pathlib import Path

from slm.errors import TokenizerError, WorkspaceError
from slm.intact import require_intact
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.definition import TOKENIZER_FILE
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.imported import ImportedTokenizer, settings_beside, token_name
from slm.tokenizer.pieces import MODEL_FILE
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact, Workspace


def load_tokenizer(folder: Path) -> TextTokenizer:
    """The tokenizer in `folder`, ours or a published one, by its `tokenizer.json`.

    What our own two kinds cannot read, or would end texts with another token than
    the publisher says, goes through the library it was made with.

    Raises: TokenizerError when there is none, or it is damaged.
    """
    try:
        for name in (TOKENIZER_FILE, MODEL_FILE):
            require_intact(folder / name)
    except WorkspaceError as error:
        raise TokenizerError(f"The tokenizer in {folder.name} is damaged: {error}") from None
    ours: tuple[type[Tokenizer], type[CharacterTokenizer]] = (Tokenizer, CharacterTokenizer)
    for kind in ours:
        try:
            tokenizer = kind.load(folder)
        except TokenizerError:
            continue
        ends_with = token_name(settings_beside(folder).get("eos_token"))
        if ends_with is None or tokenizer.special_tokens.get(ends_with) == tokenizer.eos_id:
            return tokenizer
    return ImportedTokenizer.load(folder)


def tokenizer_named(workspace: Workspace, name: str) -> tuple[str, TextTokenizer, Artefact | None]:
    """The tokenizer of the workspace with that name or id, else the one in that folder.

    Gives its name too, and the artefact where there is one.

    Raises: TokenizerError when there is neither, or it is damaged.
    """
    known = workspace.tokenizers.find(name)
    if known is not None:
        return known.name, load_tokenizer(workspace.tokenizers.get(known.id).folder), known
    folder = Path(name)
    if folder.name == TOKENIZER_FILE:
        folder = folder.parent
    if (folder / TOKENIZER_FILE).is_file():
        return folder.absolute().name, load_tokenizer(folder), None
    names = ", ".join(repr(each.name) for each in workspace.tokenizers.list()[:8]) or "none yet"
    raise TokenizerError(
        f"There is no tokenizer {name!r}, nor a folder of that name with a {TOKENIZER_FILE}; "
        f"there are: {names}."
    )
