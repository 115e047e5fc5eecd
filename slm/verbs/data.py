"""The verbs of the Data chapter."""

from collections.abc import Sequence

from slm.verbs.common import Context, Result, parse


def prepare(arguments: Sequence[str], context: Context) -> Result:
    """Collect, clean and split a corpus."""
    from slm.data.corpus import PrepareConfig, prepare_corpus

    settings = parse(PrepareConfig, prepare, arguments)
    made = prepare_corpus(context.workspace, settings, context.report, owner=context.owner)
    if made is None:
        return {}
    return {"corpus": made.artefact.id, "name": made.artefact.name, **made.artefact.details}


def preview(arguments: Sequence[str], context: Context) -> Result:
    """Look into a file before it is read: columns, files inside, first documents, problems."""
    from pathlib import Path

    from slm.data.reading import ingest
    from slm.data.reading.readers import HowToRead

    del context
    settings = parse(ingest.PreviewConfig, preview, arguments)
    how = HowToRead(settings.text_column, settings.split_rule)
    return ingest.preview(Path(settings.source).expanduser(), how).to_json()


def explore(arguments: Sequence[str], context: Context) -> Result:
    """Count everything about a corpus: lengths, words, copies, languages, leakage."""
    from slm.data.corpus import open_corpus
    from slm.data.exploring import profile_store

    settings = parse(profile_store.ExploreConfig, explore, arguments)
    corpus = open_corpus(context.workspace.corpora.get(settings.corpus))
    found = profile_store.explore(context.workspace, corpus, context.report)
    if found is None:
        return {}
    folder = {"corpus": corpus.artefact.id, "folder": str(found.folder)}
    if not context.common.json:
        return {**folder, **found.profile.in_short(), "leaked_share": found.leakage.leaked_share}
    return {**folder, **found.profile.to_json(), "leakage": found.leakage.to_json()}


def search(arguments: Sequence[str], context: Context) -> Result:
    """Find a text in a corpus, with what stands around it."""
    from dataclasses import asdict

    from slm.data.corpus import open_corpus
    from slm.data.exploring import search as searching

    settings = parse(searching.CorpusSearchConfig, search, arguments)
    corpus = open_corpus(context.workspace.corpora.get(settings.corpus))
    return asdict(searching.search(corpus, settings))


def leakage(arguments: Sequence[str], context: Context) -> Result:
    """Measure what of a corpus's validation text stands in its training text."""
    from slm.data.corpus import open_corpus
    from slm.data.exploring.leakage import corpus_leakage
    from slm.data.exploring.profile_store import ExploreConfig

    settings = parse(ExploreConfig, leakage, arguments)
    corpus = open_corpus(context.workspace.corpora.get(settings.corpus))
    return corpus_leakage(corpus, context.report).to_json()


def clean(arguments: Sequence[str], context: Context) -> Result:
    """Try cleaning rules on the first documents of a source; nothing is saved."""
    from slm.data.cleaning.trial import TrialConfig, try_rules

    settings = parse(TrialConfig, clean, arguments)
    return try_rules(context.workspace, settings, context.report).to_json()
