"""What cannot be had again, or perhaps not as it was, in sentences of a notebook."""

from collections.abc import Sequence

from slm.exchange.cells import said
from slm.exchange.lineage import Gap


def gap_sentences(gaps: Sequence[Gap]) -> list[str]:
    """What cannot be had again, or perhaps not as it was: a sentence each, in Markdown."""
    return list(dict.fromkeys(filter(None, map(_sentence, gaps))))


def _sentence(gap: Gap) -> str:
    what, detail = said(gap.what), said(gap.detail)
    if gap.kind == "file":
        return (
            f"The file {what} is not here any more. Put the one with the SHA-256 "
            f"`{gap.detail}` where the cell below says."
        )
    if gap.kind == "hub":
        return f"The text comes from the Hub: {what} at revision {detail}. That needs the network."
    if gap.kind == "python":
        return (
            f"The text of {what} ships inside Python; another version of Python has another text."
        )
    if gap.kind == "version":
        return (
            f"The run {what} was trained by an earlier version of this program: its settings stand "
            "as they worked then, but the numbers may differ in the last digits."
        )
    if gap.kind == "machine":
        return {
            "changed": f"The machine changed while it was trained ({detail}): expect nearly the "
            "same numbers.",
            "device": f"It was trained on {detail}, where sums are not always added up in the same "
            "order: expect nearly the same numbers.",
        }.get(
            gap.what,
            "On which machine it was trained was not kept: expect nearly the same numbers.",
        )
    if gap.kind == "unfinished":
        return {
            "diverged": f"The run diverged at step {detail}; so will this one.",
            "training": f"The run is being trained now; this tells it to step {detail}.",
            "stopped": f"The run was stopped at step {detail}; so is this one.",
        }[gap.what]
    if gap.kind == "parent":
        return f"It began with the model {what}, which is taken as it is here."
    return f"A {what} that it was made of is gone ({detail}), so it cannot be made again."
