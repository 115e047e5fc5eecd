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
