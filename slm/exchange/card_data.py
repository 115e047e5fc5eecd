"""What a model learned from, as sections of its card: corpus, sources, licences, cleaning."""

from collections.abc import Iterator, Mapping
from typing import Any

from slm.data.catalogue import EMBEDDED, PUBLISHED
from slm.data.ledger import read_ledger
from slm.exchange.card_markdown import code, plain, table
from slm.exchange.outgoing import Outgoing
from slm.workspace import Artefact

_HUB = "hub:"
_MOST_FILES = 20


def learned_from(outgoing: Outgoing, corpus: Artefact | None) -> Iterator[str]:
    if corpus is None:
        return
    lines = [f"Corpus: {plain(corpus.name)}."]
    learned = outgoing.source and outgoing.source.details.get("learned_from")
    if learned:
        lines.append(f"The model learned from {plain(learned)}.")
    for part, label in (("train", "Trained on"), ("val", "Held out")):
        found = corpus.details.get(part)
        if isinstance(found, Mapping) and not learned:
            lines.append(
                f"{label}: {found.get('documents', 0):,} documents, "
                f"{found.get('characters', 0):,} characters."
            )
    records = read_ledger(corpus.folder)
    for record in records:
        if record.get("kind") == "source":
            lines += _source_lines(record)
    yield "## What it learned from\n\n" + "\n".join(f"- {line}" for line in lines)
    rules = [record for record in records if record.get("kind") == "rule"]
    if rules:
        rows = [
            (
                code(rule.get("rule")),
                *(
                    f"{rule.get(key) or 0:,}"
                    for key in ("documents_touched", "documents_dropped", "characters_removed")
                ),
            )
            for rule in rules
        ]
        heads = ("rule", "documents touched", "documents dropped", "characters removed")
        yield "### How the text was cleaned\n\n" + table(heads, rows)


def _source_lines(record: Mapping[str, Any]) -> list[str]:
    """Where the text is from and under which licence; a hash for each file that was given."""
    key = str(record.get("source") or "")
    name = str(record.get("hub_name") or key.removeprefix(_HUB))
    known = EMBEDDED.get(key) or PUBLISHED.get(key)
    known = known or next((each for each in PUBLISHED.values() if each.hub_name == name), None)
    title = known.title if known is not None else name
    lines = [f"Source: {plain(title)}{f' ({plain(name)})' if name != title else ''}."]
    if revision := record.get("hub_revision"):
        lines.append(f"Revision on the Hub: {code(revision)}.")
    licence = known.licence if known is not None else "not known; ask who gave the text"
    lines.append(f"Licence of the text: {plain(licence)}.")
    given = [each for each in record.get("originals") or [] if isinstance(each, Mapping)]
    lines += [
        f"File: {plain(each.get('name'))}, SHA-256 {code(each.get('sha256'))}."
        for each in given[:_MOST_FILES]
    ]
    if len(given) > _MOST_FILES:
        lines.append(f"{len(given) - _MOST_FILES:,} more files.")
    return lines
