"""The Tokenizer page in words: chips of a text, how a token was built, the vocabulary.

Knows neither Streamlit nor files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm.tokenizer.bpe import N_BYTES, Merge
from slm.tokenizer.encoding import TokenizeConfig
from slm.tokenizer.history import build_steps
from slm.tokenizer.protocol import TextTokenizer, well_formed
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
        return ("not in the vocabulary: the model reads U+FFFD",)
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
        return "better than its corpus"
    if ratio > 0.9:
        return "as well as its corpus"
    if 0.45 < ratio < 0.55:
        return "half as well as its corpus"
    return f"{ratio:.0%} of what it does on its corpus"


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
    bytes: str
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
        piece.hex(" ").upper(),
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
        return "A special token: it marks structure, and no text ever becomes it."
    if tokenizer.kind == "characters":
        return "One character. Nothing was joined."
    if rows:
        last = rows[-1]
        times = "" if last.count == "–" else f", when the pair stood {last.count} times in the text"
        n_bytes = len(piece)
        merged = "1 merge" if len(rows) == 1 else f"{len(rows)} merges"
        return (
            f"{merged} made one token of {n_bytes} bytes; the last was no. {last.number:,}{times}."
        )
    if len(piece) == 1:
        return "A single byte. The vocabulary begins with all 256, so that any text can be written."
    return "Its merges are not known." if not merges else "No merge made it."


@dataclass(frozen=True)
class VocabularyRow:
    """One token of the vocabulary. `count` is that of its merge, None where nobody counted."""

    id: int
    shown: str
    bytes: str
    length: int
    count: int | None
    kind: str


def vocabulary(tokenizer: TextTokenizer, merges: Sequence[Merge]) -> list[VocabularyRow]:
    """Every token, by id."""
    counts: Mapping[bytes, int | None] = {merge.bytes: merge.count for merge in merges}
    special = set(tokenizer.special_tokens.values())
    rows = []
    for token_id in range(tokenizer.vocab_size):
        piece = tokenizer.token_bytes(token_id)
        kind = "special" if token_id in special else "character"
        if tokenizer.kind != "characters" and kind != "special":
            kind = "byte" if len(piece) == 1 and piece not in counts else "merge"
        shown, written = visible(piece), piece.hex(" ").upper()
        count = counts.get(piece) if kind == "merge" else None
        rows.append(VocabularyRow(token_id, shown, written, len(piece), count, kind))
    return rows


def search(rows: Sequence[VocabularyRow], wanted: str) -> list[VocabularyRow]:
    """The rows whose text holds what was typed; a number finds its id too.

    Blanks match the dots that stand for them, so that " the" finds "·the".
    """
    if not wanted:
        return list(rows)
    marked = visible(wanted.encode(errors="replace")).casefold()
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else None
    return [row for row in rows if marked in row.shown.casefold() or row.id == number]


def longest(rows: Sequence[VocabularyRow], most: int = 12) -> list[str]:
    """The longest tokens that merges made, as they are shown."""
    merged = [row for row in rows if row.kind == "merge"]
    return [row.shown for row in sorted(merged, key=lambda row: -row.length)[:most]]


def tokenize_argv(config: TokenizeConfig) -> list[str]:
    """The command line that trains this tokenizer.

    >>> tokenize_argv(TokenizeConfig(corpus="tales", vocab_size=1024))
    ['tokenize', '--corpus=tales', '--vocab-size=1024']
    """
    plain = TokenizeConfig(corpus="").to_json()
    return ["tokenize"] + [
        f"--{field.replace('_', '-')}={value}"
        for field, value in config.to_json().items()
        if field == "corpus" or value != plain[field]
    ]


def tokenizer_facts(details: Mapping[str, Any]) -> str:
    """What kind a tokenizer is, in one line."""
    kinds = {"bpe": "byte-level BPE", "characters": "a token a character"}
    kind = str(details.get("kind", ""))
    parts = [kinds.get(kind, kind)]
    if details.get("vocab_size"):
        parts.append(f"{details['vocab_size']:,} tokens")
    if details.get("bytes_per_token"):
        parts.append(f"{details['bytes_per_token']:.2f} bytes per token on its corpus")
    return " · ".join(part for part in parts if part)


def curve_note(n_merges: int, enough: int) -> str:
    """What the curve of compression says about a larger vocabulary."""
    size = N_BYTES + 1 + enough
    return (
        f"The first {enough:,} of {n_merges:,} merges give nine tenths of the saving: a "
        f"vocabulary of {size:,}. Each later merge is rarer, and widens the model's embedding by "
        "one more row."
    )
