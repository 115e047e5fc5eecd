"""From documents to token files: train a tokenizer on a corpus, then encode the corpus.

Texts are read a few at a time, so memory does not grow with the corpus. The
artefacts' `details`:

    tokenizers  kind, vocab_size, pattern, bytes_per_token (of validation text), config
    tokens      vocab_size, dtype, separator, document_end (the id behind each document, if
                there is one), bytes_per_token, and for train and val each:
                documents, bytes (of text), tokens (with the separator behind each document)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice

from slm.data.corpus import Corpus, open_corpus
from slm.data.splitting import Split
from slm.errors import TokenizerError
from slm.jobs import Reporter, StoppedError, silent
from slm.tokenizer.bpe import merges_wanted
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.config import TokenizeConfig as TokenizeConfig
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.following import Progress, learn_merges
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.separators import (
    Separator,
    end_id,
    matching_tokens,
    separator_ids,
    separator_of,
)
from slm.tokenizer.statistics import compression
from slm.tokenizer.together import Tally, id_blocks
from slm.workspace import LOCAL_OWNER, MAX_NAME, Artefact, Workspace

SPLITS: tuple[Split, ...] = ("train", "val")
_COMPRESSION_DOCUMENTS = 1_000


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
            report(0.99, "Measuring on validation text", doing="measuring")
            measured = compression(tokenizer, _sample(corpus))
            draft.details.update(
                kind=tokenizer.kind,
                vocab_size=tokenizer.vocab_size,
                pattern=config.pattern if config.kind == "bpe" else None,
                bytes_per_token=measured.bytes_per_token,
                config=config.to_json(),
            )
    except StoppedError:
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
    # Brings torch, which training a tokenizer can do without.
    from slm.data.batches import TokenFile

    opened, engine = open_corpus(corpus), load_tokenizer(tokenizer.folder)
    separator = separator or separator_of(tokenizer)
    between = separator_ids(engine, separator)
    progress = Progress(report, "encoding", "Encoding", opened.n_bytes)
    parents = {"corpus": corpus, "tokenizer": tokenizer}
    try:
        with workspace.tokens.create(corpus.name, owner=owner, parents=parents) as draft:
            for split in SPLITS:
                tally = Tally()
                ids = id_blocks(progress.watch(opened.texts(split)), engine, between, tally)
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
    except StoppedError:
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

    Without a separator, the one that the tokenizer was trained to go with. Those of a read-only
    workspace do not count: a run finds its token files in its own.

    Raises: as `encode_corpus`.
    """
    separator = separator or separator_of(tokenizer)
    own = (tokens for tokens in workspace.tokens.list() if not tokens.read_only)
    known = matching_tokens(own, corpus, tokenizer, separator)
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


def _sample(corpus: Corpus) -> Iterator[str]:
    """Validation texts from all over the corpus: its beginning may be of another kind."""
    every = max(1, corpus.counts("val")["documents"] // _COMPRESSION_DOCUMENTS)
    return islice(corpus.texts("val"), 0, None, every)


def _train(
    corpus: Corpus, config: TokenizeConfig, report: Reporter
) -> Tokenizer | CharacterTokenizer:
    n_bytes, special_tokens = corpus.counts("train")["bytes"], config.special_tokens
    if config.kind == "bytes":
        return Tokenizer.from_learned([], special_tokens)
    if config.kind == "characters":
        texts = Progress(report, "counting", "Collecting characters", n_bytes)
        return CharacterTokenizer.train(texts.watch(corpus.texts("train")), special_tokens)
    n_merges = merges_wanted(config.vocab_size, special_tokens)
    merges = learn_merges(
        corpus.texts("train"), n_bytes, n_merges, special_tokens, config.pattern, report
    )
    return Tokenizer.from_learned(merges, special_tokens, config.pattern)


def _ratio(totals: Sequence[Mapping[str, int]]) -> float:
    """Bytes of text per token over the splits."""
    n_tokens = sum(total["tokens"] for total in totals)
    return sum(total["bytes"] for total in totals) / n_tokens if n_tokens else 0.0
