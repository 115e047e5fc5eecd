"""Which of the tokenizers a folder holds."""

from pathlib import Path

from slm.errors import TokenizerError
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.imported import ImportedTokenizer, settings_beside, token_name
from slm.tokenizer.protocol import TextTokenizer


def load_tokenizer(folder: Path) -> TextTokenizer:
    """The tokenizer in `folder`, ours or a published one, by its `tokenizer.json`.

    What our own two kinds cannot read, or would end texts with another token than
    the publisher says, goes through the library it was made with.

    Raises: TokenizerError when there is none, or it is damaged.
    """
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
