"""The verbs of the Tokenizer chapter."""

from collections.abc import Sequence

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
