"""The verbs of the Tokenizer chapter."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Literal

import tyro
from pydantic import Field

from slm.config import Config
from slm.errors import TokenizerError
from slm.verbs.common import Context, Result, parse


def tokenize(arguments: Sequence[str], context: Context) -> Result:
    """Train a tokenizer on a corpus and turn the corpus into token files."""
    from slm.jobs import StageOf
    from slm.tokenizer.encoding import TokenizeConfig, tokens_for, train_tokenizer
    from slm.tokenizer.following import TRAINING, WRITING

    settings = parse(TokenizeConfig, tokenize, arguments)
    here = context.workspace
    report = context.report
    report.plan({TRAINING: 3.0, WRITING: 1.0})
    made = train_tokenizer(here, settings, StageOf(report, TRAINING), owner=context.owner)
    if made is None:
        return {}
    context.result["tokenizer"] = made.id
    corpus = here.corpora.get(settings.corpus)
    tokens = tokens_for(here, corpus, made, StageOf(report, WRITING), owner=context.owner)
    if tokens is None:
        return {"tokenizer": made.id, "name": made.name}
    return {"tokenizer": made.id, "name": made.name, "tokens": tokens.id, **tokens.details}


class TextOf(Config):
    """A tokenizer and a text."""

    tokenizer: str = Field(
        description="A tokenizer by name or id, or a folder with a tokenizer.json."
    )
    text: str = Field("Once upon a time", description="The text that is replayed.")


class VocabularyOf(Config):
    """Which tokens of which tokenizer are listed."""

    tokenizer: str = Field(
        description="A tokenizer by name or id, or a folder with a tokenizer.json."
    )
    corpus: str = Field(
        "", description="Corpus in which tokens are counted; without one nothing is counted."
    )
    which: Literal["all", "unused", "glitch", "partial", "special"] = Field(
        "all",
        description="glitch: whole tokens that hardly occur; partial: parts of characters.",
    )
    order: Literal["id", "frequent", "rare", "longest"] = Field(
        "id", description="In which order; by frequency only with a corpus."
    )
    limit: int = Field(50, ge=1, le=1_000_000, description="How many at most.")
    contexts: int = Field(0, ge=0, le=20, description="Places in the corpus told for each token.")


class Compared(Config):
    """What is compared."""

    tokenizer: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = Field(
        description="A tokenizer by name or id, or a folder with a tokenizer.json; give several."
    )
    text: str = Field("Once upon a time", description="The text that all of them cut.")


def merges(arguments: Sequence[str], context: Context) -> Result:
    """Replay a text merge by merge: where each merge joins, and how many tokens are left."""
    from slm.tokenizer.loading import tokenizer_named
    from slm.tokenizer.replay import MAX_CHARACTERS, merges_of, replay_text

    settings = parse(TextOf, merges, arguments)
    if len(settings.text) > MAX_CHARACTERS:
        raise TokenizerError(
            f"The text has {len(settings.text):,} characters; {MAX_CHARACTERS:,} can be replayed."
        )
    name, tokenizer, _ = tokenizer_named(context.workspace, settings.tokenizer)
    learned = merges_of(tokenizer)
    story = replay_text(tokenizer, learned, settings.text)
    steps = []
    tokens = len(story.data)
    for number, joins in groupby(story.joins, key=lambda join: join.number):
        merge, places = learned[number - 1], [[j.start, j.middle, j.end] for j in joins]
        tokens -= len(places)
        steps.append(
            {
                "merge": number,
                "pair": [piece.decode("latin-1") for piece in merge.pair],
                "count": merge.count,
                "places": places,
                "tokens": tokens,
            }
        )
    return {
        "tokenizer": name,
        "merges": len(learned),
        "bytes": len(story.data),
        "tokens": tokens,
        "steps": steps,
    }


def vocabulary(arguments: Sequence[str], context: Context) -> Result:
    """List tokens: what each is, which merge made it, how often it occurs, and where."""
    from slm.tokenizer import usage
    from slm.tokenizer.loading import tokenizer_named
    from slm.tokenizer.replay import merges_of
    from slm.tokenizer.vocabulary import Standing, entries, ordered, select

    settings = parse(VocabularyOf, vocabulary, arguments)
    here = context.workspace
    name, tokenizer, artefact = tokenizer_named(here, settings.tokenizer)
    used, standing, ranks = None, None, None
    if settings.corpus:
        corpus = here.corpora.get(settings.corpus)
        used = usage.usage_of(here, corpus, tokenizer, artefact)
        standing = Standing(usage.count_ids(used.row, tokenizer.vocab_size))
        ranks = standing.ranks
    elif settings.which in ("unused", "glitch") or settings.order in ("frequent", "rare"):
        raise TokenizerError("How often tokens occur is known of a corpus alone; give --corpus.")
    found = select(entries(tokenizer, merges_of(tokenizer)), settings.which, standing)
    rows = []
    for entry in ordered(found, settings.order, standing)[: settings.limit]:
        row: Result = {**entry._asdict(), "piece": entry.piece.decode("latin-1")}
        if standing is not None and ranks is not None and used is not None:
            row["frequency"] = int(standing.counts[entry.id])
            row["rank"] = int(ranks[entry.id]) or None
            if settings.contexts:
                places = usage.contexts(used, tokenizer, entry.id, settings.contexts)
                row["contexts"] = [
                    [side.decode(errors="replace") for side in (p.before, p.piece, p.after)]
                    for p in places
                ]
        rows.append(row)
    return {
        "tokenizer": name,
        "vocab_size": tokenizer.vocab_size,
        "counted_tokens": standing.tokens if standing is not None else None,
        "sampled": used.sampled if used is not None else None,
        "found": len(found),
        "tokens": rows,
    }


def compare(arguments: Sequence[str], context: Context) -> Result:
    """Compare tokenizers on a text, on the same story in many languages, on kinds of text."""
    from slm.tokenizer.comparison import compare as compared
    from slm.tokenizer.comparison import require_bounds
    from slm.tokenizer.loading import tokenizer_named

    settings = parse(Compared, compare, arguments)
    require_bounds(len(settings.tokenizer), settings.text)
    opened = {}
    for asked in settings.tokenizer:
        name, tokenizer, _ = tokenizer_named(context.workspace, asked)
        opened[name if name not in opened else asked] = tokenizer
    return compared(opened, settings.text)


def import_tokenizer(arguments: Sequence[str], context: Context) -> Result:
    """Add a published tokenizer (tokenizer.json), tried out in a process of its own."""
    from slm.tokenizer.importing import ImportConfig
    from slm.tokenizer.importing import import_tokenizer as imported

    settings = parse(ImportConfig, import_tokenizer, arguments)
    made = imported(context.workspace, settings, context.report, owner=context.owner)
    if made is None:
        return {}
    return {"tokenizer": made.id, "name": made.name, **made.details}
