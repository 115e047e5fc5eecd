"""What stands between two documents in a token file, and how a corpus remembers the choice.

end_of_text  the tokenizer's special token; training can tell where documents begin
blank_line   the tokens of an empty line, as in text that people write; a model that
             meets one cannot be sure that the text is over
none         nothing: where one document ends and the next begins is left to guess
"""

from collections.abc import Iterable
from typing import Literal

from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact

Separator = Literal["end_of_text", "blank_line", "none"]
SEPARATORS: tuple[Separator, ...] = ("end_of_text", "blank_line", "none")
DEFAULT: Separator = "end_of_text"
BLANK_LINE = "\n\n"


def separator_ids(tokenizer: TextTokenizer, separator: Separator) -> list[int]:
    """The ids that follow each document; none for a vocabulary without a special token."""
    if separator == "blank_line":
        return list(map(int, tokenizer.encode(BLANK_LINE)))
    end = end_id(tokenizer, separator)
    return [] if end is None else [end]


def end_id(tokenizer: TextTokenizer, separator: Separator) -> int | None:
    """The id by which training can tell where documents end; None where there is no such id."""
    return tokenizer.eos_id if separator == "end_of_text" else None


def separator_of(artefact: Artefact) -> Separator:
    """The separator that token files were cut with, or that a tokenizer was asked to cut with.

    Those that say nothing are from before there was a choice.
    """
    config = artefact.details.get("config")
    asked = config.get("separator") if isinstance(config, dict) else None
    told = artefact.details.get("separator", asked)
    return next((known for known in SEPARATORS if known == told), DEFAULT)


def matching_tokens(
    shelf: Iterable[Artefact], corpus: Artefact, tokenizer: Artefact, separator: Separator
) -> Artefact | None:
    """The newest sound token files of just this corpus, tokenizer and separator, if any."""
    wanted = {"corpus": corpus.as_parent().sha256, "tokenizer": tokenizer.as_parent().sha256}
    for known in shelf:
        made_from = {role: parent.sha256 for role, parent in known.manifest.parents.items()}
        if not known.problem and made_from == wanted and separator_of(known) == separator:
            return known
    return None
