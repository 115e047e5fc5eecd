"""The Tokenizer page in words: chips of a text, how a token was built, the vocabulary.

Knows neither Streamlit nor files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm.tokenizer.bpe import N_BYTES, Merge, Piece
from slm.tokenizer.history import build_steps
from slm.tokenizer.protocol import TextTokenizer, well_formed
from ui.texts import counted, tr
from ui.view_models.chips import Chip, chip, visible

DEFAULT_TEXT = """\
Once upon a time a little fox lived near the old mill. "I wish I had a red kite," said the fox.

Grüße aus Zürich, 東京から, Москва, γειά σου, 🦊🪁
def double(x): return 2 * x  # 1234567"""


@dataclass(frozen=True)
class TextView:
    """A text as tokens, ready to draw."""

    chips: tuple[Chip, ...]
    tokens: int
    bytes: int
    characters: int
    different: int

    @property
    def bytes_per_token(self) -> float:
        """0 for no text."""
        return self.bytes / self.tokens if self.tokens else 0.0


def text_view(tokenizer: TextTokenizer, text: str) -> TextView:
    """The tokens of a text. A character that became the unknown token shows as itself."""
    ids, spans = tokenizer.encode_with_spans(text)
    data = well_formed(text).encode()
    known: dict[tuple[int, bytes], Chip] = {}
    chips = []
    for token_id, (start, end) in zip(ids, spans, strict=True):
        piece = data[start:end]
        found = known.get((token_id, piece))
        if found is None:
            found = known[token_id, piece] = chip(
                token_id, piece, notes=_notes(tokenizer, token_id, piece)
            )
        chips.append(found)
    return TextView(tuple(chips), len(ids), len(data), len(text), len(set(ids)))


def _notes(tokenizer: TextTokenizer, token_id: int, piece: bytes) -> tuple[str, ...]:
    if tokenizer.kind == "characters" and tokenizer.token_bytes(token_id) != piece:
        return (tr("not in the vocabulary: the model reads U+FFFD"),)
    return ()


def compared(here: float, corpus: float | None) -> str:
    """How a text compresses beside the corpus, in words.

    >>> compared(3.0, 3.1), compared(1.5, 3.0)
    ('as well as its corpus', 'half as well as its corpus')
    """
    if not corpus or not here:
        return ""
    ratio = here / corpus
    if ratio > 1.1:
        return tr("better than its corpus")
    if ratio > 0.9:
        return tr("as well as its corpus")
    if 0.45 < ratio < 0.55:
        return tr("half as well as its corpus")
    return tr("{ratio:.0%} of what it does on its corpus").format(ratio=ratio)


@dataclass(frozen=True)
class StepRow:
    """One merge on the way to a token. `count` is how often the pair stood in the training text."""

    number: int
    left: str
    right: str
    joined: str
    count: str


@dataclass(frozen=True)
class TokenView:
    """One token in full. `story` says in a sentence how it came to be."""

    shown: str
    id: int
    piece: Piece
    bytes: str
    special: bool
    story: str
    steps: tuple[StepRow, ...]


def token_view(tokenizer: TextTokenizer, merges: Sequence[Merge], token_id: int) -> TokenView:
    """Where a token comes from: the merges that built it, in the order of learning."""
    piece = tokenizer.token_bytes(token_id)
    special = token_id in tokenizer.special_tokens.values()
    steps = [] if special else build_steps(merges, piece)
    rows = tuple(
        StepRow(
            step.number,
            visible(step.merge.pair[0]),
            visible(step.merge.pair[1]),
            visible(step.merge.bytes),
            "–" if step.merge.count is None else f"{step.merge.count:,}",
        )
        for step in steps
    )
    return TokenView(
        visible(piece),
        token_id,
        piece,
        piece.hex(" ").upper(),
        special,
        _story(tokenizer, merges, piece, special, rows),
        rows,
    )


def _story(
    tokenizer: TextTokenizer,
    merges: Sequence[Merge],
    piece: bytes,
    special: bool,
    rows: Sequence[StepRow],
) -> str:
    if special:
        return tr("A special token: it marks structure, and no text ever becomes it.")
    if tokenizer.kind == "characters":
        return tr("One character. Nothing was joined.")
    if rows:
        last = rows[-1]
        times = (
            ""
            if last.count == "–"
            else tr(", when the pair stood {count} times in the text").format(count=last.count)
        )
        n_bytes = len(piece)
        merged = counted("{n} merge", "{n} merges", len(rows))
        return tr(
            "{merged} made one token of {n_bytes} bytes; the last was no. {number:,}{times}."
        ).format(merged=merged, n_bytes=n_bytes, number=last.number, times=times)
    if len(piece) == 1 and piece[0] >= 0x80:
        return tr(
            "A single byte, part of a character beyond ASCII: UTF-8 writes those as two to four "
            "bytes. With all 256 bytes in the vocabulary, any text can be written."
        )
    if len(piece) == 1 and tokenizer.kind != "imported":
        return tr(
            "A single byte. The vocabulary begins with all 256, so that any text can be written."
        )
    if len(piece) == 1:
        return tr("A single byte: it was there before any merge.")
    if _is_character(piece):
        return tr("A single character: it was there before any merge.")
    return tr("Its merges are not known.") if not merges else tr("No merge made it.")


def _is_character(piece: bytes) -> bool:
    return len(piece.decode(errors="surrogateescape")) == 1


def tokenizer_facts(details: Mapping[str, Any]) -> str:
    """What kind a tokenizer is, in one line."""
    kinds = {
        "bpe": tr("byte-level BPE"),
        "bytes": tr("the bytes alone"),
        "characters": tr("a token a character"),
        "imported": tr("published"),
    }
    kind = str(details.get("kind", ""))
    parts = [kinds.get(kind, kind)]
    if details.get("vocab_size"):
        parts.append(tr("{vocab_size:,} tokens").format(vocab_size=details["vocab_size"]))
    if details.get("bytes_per_token"):
        parts.append(
            tr("{bytes_per_token:.2f} bytes per token on its corpus").format(
                bytes_per_token=details["bytes_per_token"]
            )
        )
    return " · ".join(part for part in parts if part)


def curve_note(n_merges: int, enough: int) -> str:
    """What the curve of compression says about a larger vocabulary."""
    size = N_BYTES + 1 + enough
    return tr(
        "The first {enough:,} of {n_merges:,} merges give nine tenths of "
        "the saving: a vocabulary of {size:,}. Each later merge is "
        "rarer, and widens the model's embedding by one more row."
    ).format(enough=enough, n_merges=n_merges, size=size)


LOAD_WITH_TOKENIZERS = """\
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("tokenizer.json")"""


def load_with_transformers(tokenizer: TextTokenizer) -> str:
    """The lines that load the saved file in `transformers`, with the token that ends texts."""
    ends = {i: name for name, i in tokenizer.special_tokens.items()}.get(
        -1 if tokenizer.eos_id is None else tokenizer.eos_id
    )
    eos = tr(", eos_token={ends!r}").format(ends=ends) if ends else ""
    return (
        "from transformers import PreTrainedTokenizerFast\n\n"
        f'tokenizer = PreTrainedTokenizerFast(\n    tokenizer_file="tokenizer.json"{eos}\n)'
    )
