"""From documents to token files: train a tokenizer on a corpus, then encode the corpus.

Texts are read a few at a time, so memory does not grow with the corpus. The
artefacts' `details`:

    tokenizers  kind, vocab_size, pattern, bytes_per_token (of validation text), config
    tokens      vocab_size, dtype, separator, document_end (the id behind each document, if
                there is one), bytes_per_token, and for train and val each:
                documents, bytes (of text), tokens (with the separator behind each document)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from slm.config import Config
from slm.data.batches import TokenFile
from slm.data.corpus import Corpus, open_corpus
from slm.data.splitting import Split
from slm.errors import TokenizerError
from slm.jobs import Reporter, silent
from slm.tokenizer.bpe import (
    END_OF_TEXT,
    N_BYTES,
    Merge,
    learn,
    merges_wanted,
    require_merges,
)
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.patterns import count_chunks
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.separators import (
    DEFAULT,
    Separator,
    end_id,
    matching_tokens,
    separator_ids,
    separator_of,
)
from slm.tokenizer.statistics import compression
from slm.workspace import LOCAL_OWNER, MAX_NAME, Artefact, Workspace

SPLITS: tuple[Split, ...] = ("train", "val")
_BLOCK_BYTES = 2**20
_COMPRESSION_DOCUMENTS = 1_000
_MERGES_A_REPORT = 32


class TokenizeConfig(Config):
    """Which tokenizer is trained, and on what."""

    corpus: str = Field(description="Corpus to learn from, by name or id.")
    name: str = Field(
        "",
        max_length=MAX_NAME,
        description="Name of the tokenizer; that of the corpus without one.",
    )
    kind: Literal["bpe", "characters"] = Field(
        "bpe",
        description="bpe joins frequent bytes into longer tokens; "
        "characters has one token for each character of the text.",
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
    separator: Separator = Field(
        DEFAULT,
        description="What stands behind each document in the token file. end_of_text: the special "
        "token. blank_line: an empty line. none: nothing.",
    )


def train_tokenizer(
    workspace: Workspace,
    config: TokenizeConfig,
    report: Reporter = silent,
    *,
    owner: str = LOCAL_OWNER,
) -> Artefact | None:
    """Learn a tokenizer from the training texts of a corpus and save it.

    Asked to stop, it saves nothing and returns None.

    Raises:
        TokenizerError: the text gives fewer tokens than vocab_size asks for.
        WorkspaceError: no such corpus, or a full disk.
    """
    corpus = open_corpus(workspace.corpora.get(config.corpus))
    name = config.name or f"{corpus.artefact.name} {config.kind}"[:MAX_NAME]
    try:
        tokenizer = _train(corpus, config, report)
        with workspace.tokenizers.create(
            name, owner=owner, parents={"corpus": corpus.artefact}
        ) as draft:
            tokenizer.save(draft.folder)
            measured = compression(tokenizer, islice(corpus.texts("val"), _COMPRESSION_DOCUMENTS))
            draft.details.update(
                kind=tokenizer.kind,
                vocab_size=tokenizer.vocab_size,
                pattern=config.pattern if config.kind == "bpe" else None,
                bytes_per_token=measured.bytes_per_token,
                config=config.to_json(),
            )
    except _StoppedError:
        report(None, "Stopped; nothing was saved")
        return None
    report(1.0, f"{tokenizer.vocab_size:,} tokens, {measured.bytes_per_token:.2f} bytes each")
    return workspace.tokenizers.get(draft.id)


def encode_corpus(
    workspace: Workspace,
    corpus: Artefact,
    tokenizer: Artefact,
    report: Reporter = silent,
    *,
    separator: Separator | None = None,
    owner: str = LOCAL_OWNER,
) -> Artefact | None:
    """Write the corpus as ids, `train.bin` and `val.bin`, with the separator behind each document.

    Without a separator, the one that the tokenizer was trained to go with. Asked to stop,
    it saves nothing and returns None.

    Raises:
        TokenizerError: the tokenizer cannot be loaded.
        WorkspaceError: the disk is full.
    """
    opened, engine = open_corpus(corpus), load_tokenizer(tokenizer.folder)
    separator = separator or separator_of(tokenizer)
    between = separator_ids(engine, separator)
    progress = _Progress(report, "Encoding", opened.n_bytes)
    parents = {"corpus": corpus, "tokenizer": tokenizer}
    try:
        with workspace.tokens.create(corpus.name, owner=owner, parents=parents) as draft:
            for split in SPLITS:
                tally = _Tally()
                ids = _id_blocks(progress.watch(opened.texts(split)), engine, between, tally)
                TokenFile.write(draft.folder / f"{split}.bin", ids, engine.vocab_size)
                draft.details[split] = asdict(tally)
            totals = [draft.details[split] for split in SPLITS]
            draft.details.update(
                vocab_size=engine.vocab_size,
                dtype="uint16" if engine.vocab_size <= 2**16 else "uint32",
                separator=separator,
                document_end=end_id(engine, separator),
                bytes_per_token=_ratio(totals),
            )
    except _StoppedError:
        report(None, "Stopped; nothing was saved")
        return None
    return workspace.tokens.get(draft.id)


def tokens_for(
    workspace: Workspace,
    corpus: Artefact,
    tokenizer: Artefact,
    report: Reporter = silent,
    *,
    separator: Separator | None = None,
    owner: str = LOCAL_OWNER,
) -> Artefact | None:
    """The corpus as ids: those that exist for just these two and the separator, else encoded now.

    Without a separator, the one that the tokenizer was trained to go with.

    Raises: as `encode_corpus`.
    """
    separator = separator or separator_of(tokenizer)
    known = matching_tokens(workspace.tokens.list(), corpus, tokenizer, separator)
    return known or encode_corpus(
        workspace, corpus, tokenizer, report, separator=separator, owner=owner
    )


def newest_tokenizer(workspace: Workspace, corpus: Artefact) -> Artefact:
    """The tokenizer that was last learned from the corpus.

    Raises: TokenizerError when there is none yet.
    """
    digest = corpus.as_parent().sha256
    for known in workspace.tokenizers.list():
        parent = known.manifest.parents.get("corpus")
        if not known.problem and parent is not None and parent.sha256 == digest:
            return known
    raise TokenizerError(
        f"No tokenizer has been trained on {corpus.name!r} yet; train one, or name another."
    )


class _StoppedError(Exception):
    """Leaves the draft uncommitted; never seen outside this file."""


def _train(
    corpus: Corpus, config: TokenizeConfig, report: Reporter
) -> Tokenizer | CharacterTokenizer:
    progress = _Progress(report, "Reading the text", corpus.counts("train")["bytes"])
    texts = progress.watch(corpus.texts("train"))
    if config.kind == "characters":
        return CharacterTokenizer.train(texts)
    return Tokenizer.from_learned(_learn(texts, config, report), pattern=config.pattern)


def _learn(texts: Iterable[str], config: TokenizeConfig, report: Reporter) -> list[Merge]:
    """The merges by the readable trainer, which counts as it goes and can be watched.

    The compiled one is some times faster, but the counts would have to be found afterwards.
    """
    special_tokens = (END_OF_TEXT,)
    wanted = merges_wanted(config.vocab_size, special_tokens)
    counts = count_chunks(texts, config.pattern)
    merges: list[Merge] = []
    for merge in islice(learn(counts), wanted):
        if len(merges) % _MERGES_A_REPORT == 0:
            if report.should_stop():
                raise _StoppedError
            report(len(merges) / wanted, f"Joining pairs: {len(merges):,} of {wanted:,}")
        merges.append(merge)
    require_merges(len(merges), wanted, special_tokens)
    return merges


@dataclass
class _Progress:
    """Tells how much of the text went by, and leaves by _StoppedError when asked to stop."""

    report: Reporter
    message: str
    n_bytes: int
    _seen: int = 0
    _told: int = 0

    def watch(self, texts: Iterable[str]) -> Iterator[str]:
        self._tell()
        for text in texts:
            self._seen += len(text.encode())
            if self._seen - self._told > _BLOCK_BYTES:
                self._tell()
            yield text
        self._tell()

    def _tell(self) -> None:
        if self.report.should_stop():
            raise _StoppedError
        self._told = self._seen
        fraction = min(1.0, self._seen / self.n_bytes) if self.n_bytes else None
        self.report(fraction, f"{self.message}: {self._seen / 1e6:,.1f} MB")


@dataclass
class _Tally:
    """What went into a token file. `tokens` counts the ends of documents too."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0


def _id_blocks(
    texts: Iterable[str], tokenizer: TextTokenizer, end: Sequence[int], tally: _Tally
) -> Iterator[NDArray[np.uint32]]:
    """The ids of the texts, each followed by those of `end`, about 1 MB of text at a time."""
    for block in _blocks(texts):
        rows = [[*ids, *end] for ids in tokenizer.encode_batch(block)]
        tally.documents += len(block)
        tally.bytes += sum(len(text.encode()) for text in block)
        tally.tokens += sum(map(len, rows))
        yield np.fromiter(chain.from_iterable(rows), np.uint32, sum(map(len, rows)))


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _ratio(totals: Sequence[Mapping[str, int]]) -> float:
    """Bytes of text per token over the splits."""
    n_tokens = sum(total["tokens"] for total in totals)
    return sum(total["bytes"] for total in totals) / n_tokens if n_tokens else 0.0
