"""The tokenizer of `bpe.py` on compiled engines, with its files.

Training is by `rustbpe`, encoding by `tiktoken`, each the fastest that was measured
(`benchmarks/tokenizer_engines.py`); both cut, count and break ties as `bpe.py` says.

Ids: 0 to 255 are the bytes, 256 + i is merge i, special tokens come last. So an id
says when its token was learned, special tokens can be added without moving any other,
and `tokenizers` and `transformers`, which append added tokens, agree with us.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import Self

from slm import files
from slm.errors import TokenizerError
from slm.tokenizer import definition as tokenizer_json
from slm.tokenizer.bpe import (
    END_OF_TEXT,
    N_BYTES,
    Merge,
    merges_wanted,
    require_merges,
    token_ids,
)
from slm.tokenizer.checks import (
    number_special_tokens,
    require_distinct,
    require_names,
    require_sound,
)
from slm.tokenizer.definition import TOKENIZER_FILE, Definition
from slm.tokenizer.engines import encoder_of, learn_pieces, pairs_of
from slm.tokenizer.learning import learn
from slm.tokenizer.merges_file import read_counts, write_merges
from slm.tokenizer.patterns import count_chunks
from slm.tokenizer.protocol import Ids, Span, StreamDecoder, primed
from slm.tokenizer.together import text_blocks

_STRIP_CHARACTERS = 2**18  # what a thread encodes at a time


class Tokenizer:
    """Byte-level BPE: any text becomes ids, and the ids the same text again.

    >>> tokenizer = Tokenizer.train(["hug pug hugs bun"], vocab_size=261)
    >>> tokenizer.encode("hugs")
    [257, 115]
    >>> tokenizer.decode([257, 115])
    'hugs'
    """

    def __init__(
        self, definition: Definition, *, counts: Sequence[int | None] | None = None
    ) -> None:
        """For a definition that is known to be sound; `from_merges` checks one that is not.

        `counts` are those of `Merge.count`.
        """
        self.definition = definition
        self.special_tokens = dict(definition.special_tokens)
        self.special_ids = frozenset(self.special_tokens.values())
        self.pattern = definition.pattern
        self._bytes = {token_id: piece for piece, token_id in definition.vocab.items()}
        self._bytes |= {token_id: name.encode() for name, token_id in self.special_tokens.items()}
        self._counts = counts
        self._uncounted: Iterable[str] | None = None
        self._encoder, self._id_of_rank = encoder_of(definition)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int = 4096,
        special_tokens: Sequence[str] = (END_OF_TEXT,),
        pattern: str = "gpt2",
    ) -> Self:
        """Learn a vocabulary of `vocab_size` tokens, special tokens included.

        The first special token ends documents. The engine tells no counts; when `merges`
        or `save` first asks for them, `learning.learn` finds them in the same texts. So
        give a list, or what else can be read twice (an iterator is kept in memory).

        Raises: TokenizerError when the texts give fewer tokens than asked for.
        """
        if isinstance(texts, str):
            raise TokenizerError("texts is one string; give a list of texts, such as [text].")
        require_names(special_tokens)
        n_merges = merges_wanted(vocab_size, special_tokens)
        kept = list(texts) if iter(texts) is texts else texts
        pieces = learn_pieces(kept, n_merges, pattern)
        require_merges(len(pieces) - N_BYTES, n_merges, special_tokens)
        pairs = pairs_of(pieces)
        uncounted = [Merge(pair, None, pair[0] + pair[1]) for pair in pairs]
        tokenizer = cls.from_learned(uncounted, special_tokens, pattern)
        tokenizer._uncounted = kept
        return tokenizer

    @classmethod
    def from_learned(
        cls,
        merges: Sequence[Merge],
        special_tokens: Sequence[str] = (END_OF_TEXT,),
        pattern: str = "gpt2",
    ) -> Self:
        """The tokenizer of the merges that were found with this pattern; of none, the bytes alone.

        Raises: TokenizerError for a special token that text could give too.
        """
        vocab = token_ids(merges)
        names = number_special_tokens(vocab, special_tokens)
        require_distinct(vocab, names)
        definition = Definition(vocab, [merge.pair for merge in merges], names, pattern)
        return cls(definition, counts=[merge.count for merge in merges])

    @classmethod
    def from_merges(
        cls,
        vocab: Mapping[bytes, int],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Sequence[str] | Mapping[str, int] = (),
        pattern: str = "gpt2",
    ) -> Self:
        """A tokenizer that was learned elsewhere, its ids kept whatever their order.

        A special token takes its id from `vocab` where it stands there, else the next free one.

        Raises: TokenizerError with everything that does not fit.
        """
        names = number_special_tokens(vocab, special_tokens)
        marks = {name.encode(): token_id for name, token_id in names.items()}
        plain = {piece: i for piece, i in vocab.items() if marks.get(piece) != i}
        definition = Definition(plain, list(merges), names, pattern)
        require_sound(definition)
        return cls(definition)

    @property
    def kind(self) -> str:
        """bpe, or bytes where nothing is joined: then every byte is a token."""
        return "bpe" if self.definition.merges else "bytes"

    @property
    def vocab_size(self) -> int:
        """The largest id plus one."""
        return max(self._bytes) + 1

    @property
    def eos_id(self) -> int | None:
        """The id of the first special token, which ends documents."""
        return next(iter(self.special_tokens.values()), None)

    @property
    def merges(self) -> list[Merge]:
        """What was learned, in order, with counts where the texts are known."""
        pairs = self.definition.merges
        if self._uncounted is not None:
            learned = islice(learn(count_chunks(self._uncounted, self.pattern)), len(pairs))
            self._counts, self._uncounted = [step.merge.count for step in learned], None
        counts = self._counts or [None] * len(pairs)
        return [
            Merge(pair, count, pair[0] + pair[1]) for pair, count in zip(pairs, counts, strict=True)
        ]

    def encode(self, text: str) -> list[int]:
        """The ids of the text; text that spells a special token stays text."""
        ranks = self._encoder.encode(text)
        table = self._id_of_rank
        return ranks if table is None else table[ranks].tolist()

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of many texts, shared among all cores."""
        strips = list(text_blocks(texts, _STRIP_CHARACTERS))
        if len(strips) < 2:
            parts = [self.encode_together(strip) for strip in strips]
        else:
            with ThreadPoolExecutor(min(os.cpu_count() or 1, len(strips))) as pool:
                parts = list(pool.map(self.encode_together, strips))
        return list(chain.from_iterable(_apart(ids, lengths) for ids, lengths in parts))

    def encode_together(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """The ids of all texts in a row, and how many each text has; lets other threads run.

        >>> Tokenizer.train(["hug pug hugs bun"], vocab_size=261).encode_together(["hugs", "hug"])
        (array([257, 115, 257], dtype=uint32), [2, 1])
        """
        ranks, lengths = self._encoder.encode_together(texts)
        table = self._id_of_rank
        return (ranks if table is None else table[ranks]), lengths

    def encode_with_spans(self, text: str) -> tuple[list[int], list[Span]]:
        """The ids, and for each the bytes of `well_formed(text)` that it stands for.

        >>> Tokenizer.train(["hug pug hugs bun"], vocab_size=261).encode_with_spans("hugs")
        ([257, 115], [(0, 3), (3, 4)])
        """
        ids = self.encode(text)
        ends = list(accumulate(len(self._bytes[token_id]) for token_id in ids))
        return ids, list(zip([0, *ends], ends, strict=False))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; bytes that are no UTF-8 become U+FFFD."""
        return b"".join([self.token_bytes(token_id) for token_id in ids]).decode(errors="replace")

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for."""
        try:
            return self._bytes[token_id]
        except KeyError:
            raise TokenizerError(
                f"Id {token_id} is not in this vocabulary of {self.vocab_size:,} tokens; "
                "use the tokenizer that the ids were made with."
            ) from None

    def decoder(self, after: Iterable[int] = ()) -> StreamDecoder:
        """A decoder for a stream of ids that goes on after these."""
        return primed(StreamDecoder(self.token_bytes), after)

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` and `merges.jsonl` into the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        merges = self.merges
        files.write_json(folder / TOKENIZER_FILE, tokenizer_json.to_json(self.definition))
        write_merges(folder, merges)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The tokenizer that `save` wrote, or a published one of the same kind.

        Raises: TokenizerError when it is missing, damaged, or of another kind.
        """
        found = tokenizer_json.from_json(tokenizer_json.read_file(folder))
        tokenizer = cls.from_merges(found.vocab, found.merges, found.special_tokens, found.pattern)
        tokenizer._counts = read_counts(Path(folder), found.merges)
        return tokenizer


def _apart(ids: Ids, lengths: Sequence[int]) -> Iterator[list[int]]:
    """The ids of each text by itself."""
    whole, start = ids.tolist(), 0
    for length in lengths:
        yield whole[start : start + length]
        start += length
