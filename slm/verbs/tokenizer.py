"""The verbs of the Tokenizer chapter."""

from collections.abc import Sequence

from slm.verbs.common import Context, Result, parse


def tokenize(arguments: Sequence[str], context: Context) -> Result:
    """Train a tokenizer on a corpus and turn the corpus into token files."""
    from slm.tokenizer.encoding import TokenizeConfig, tokens_for, train_tokenizer

    settings = parse(TokenizeConfig, tokenize, arguments)
    here = context.workspace
    made = train_tokenizer(here, settings, context.report, owner=context.owner)
    if made is None:
        return {}
    context.result["tokenizer"] = made.id
    corpus = here.corpora.get(settings.corpus)
    tokens = tokens_for(here, corpus, made, context.report, owner=context.owner)
    if tokens is None:
        return {"tokenizer": made.id, "name": made.name}
    return {"tokenizer": made.id, "name": made.name, "tokens": tokens.id, **tokens.details}
