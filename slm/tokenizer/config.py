"""Which tokenizer is trained, on what. No engine and no text here."""

from typing import Literal, Self

from pydantic import Field, model_validator

from slm.config import Config
from slm.tokenizer.bpe import END_OF_TEXT, N_BYTES
from slm.tokenizer.separators import DEFAULT, Separator
from slm.workspace import MAX_NAME

MOST_SPECIAL_TOKENS = 64


class TokenizeConfig(Config):
    """Which tokenizer is trained, and on what."""

    corpus: str = Field(description="Corpus to learn from, by name or id.")
    name: str = Field(
        "",
        max_length=MAX_NAME,
        description="Name of the tokenizer; that of the corpus without one.",
    )
    kind: Literal["bpe", "characters", "bytes"] = Field(
        "bpe",
        description="bpe joins frequent bytes into longer tokens; characters has one token for "
        "each character of the text; bytes has the 256 bytes and joins nothing.",
    )
    vocab_size: int = Field(
        4096,
        ge=N_BYTES + 1,
        le=200_000,
        description="Tokens in all, special ones included (bpe).",
        json_schema_extra={"ui": {"scale": "log", "options": [512, 1024, 2048, 4096, 8192, 16384]}},
    )
    pattern: Literal["gpt2", "gpt4"] = Field(
        "gpt2", description="Where text is cut before pairs are joined (bpe)."
    )
    special_tokens: tuple[str, ...] = Field(
        (END_OF_TEXT,),
        min_length=1,
        max_length=MOST_SPECIAL_TOKENS,
        description="Tokens that mark structure and that no text can spell; the first ends "
        "documents.",
    )
    separator: Separator = Field(
        DEFAULT,
        description="What stands behind each document in the token file. end_of_text: the special "
        "token. blank_line: an empty line. none: nothing.",
    )

    @model_validator(mode="after")
    def _special_tokens_are_marks(self) -> Self:
        """Signs at both ends and a letter between: no merge and no character is spelled so."""
        wrong = next((name for name in self.special_tokens if not _is_mark(name)), None)
        if wrong is not None:
            raise ValueError(
                f"{wrong!r} cannot be a special token; give 3 to 64 visible characters without "
                "blanks that begin and end with a sign and have a letter between, such as <|user|>"
            )
        if len(set(self.special_tokens)) < len(self.special_tokens):
            raise ValueError("A special token stands twice; name each once")
        return self

    @model_validator(mode="after")
    def _vocabulary_holds_what_is_given(self) -> Self:
        smallest = N_BYTES + len(self.special_tokens)
        if self.kind == "bpe" and self.vocab_size < smallest:
            raise ValueError(
                f"vocab_size is {self.vocab_size}; the {N_BYTES} bytes and "
                f"{len(self.special_tokens)} special tokens need at least {smallest}"
            )
        return self


def _is_mark(name: str) -> bool:
    """Whether text of any kind keeps clear of the name. A hyphen in front reads as a flag."""
    return (
        3 <= len(name) <= 64
        and name.isprintable()
        and " " not in name
        and not name[0].isalnum()
        and not name[-1].isalnum()
        and name[0] != "-"
        and any(character.isalnum() for character in name)
    )
