"""The two splits in words, and what of the validation text was also trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slm.data.exploring.leakage import Leakage
from slm.data.exploring.stretches import STRETCH_WORDS, Twin
from ui.texts import tr
from ui.view_models.explore import beginning
from ui.view_models.jobs import size


@dataclass(frozen=True)
class SplitView:
    """The two splits ready to show, and what of one stands in the other."""

    rows: tuple[tuple[str, int, str, str], ...]
    leakage: str
    stretches: str
    leaks: bool


def split_view(
    train: Mapping[str, int], val: Mapping[str, int], found: Leakage, validation_fraction: float
) -> SplitView:
    """Counts of both splits; the hash decides, so the share is only about the one asked for."""
    total = train["documents"] + val["documents"]
    rows = tuple(
        (
            name,
            counts["documents"],
            f"{counts['documents'] / total:.1%}" if total else "–",
            size(counts["bytes"]),
        )
        for name, counts in ((tr("training"), train), (tr("held out (validation)"), val))
    )
    if found.leaked_documents:
        said = tr(
            "{leaked_documents:,} of {val_documents:,} validation documents "
            "({fraction:.1%}) also stand in the training text, word for "
            "word. Prepare the corpus again with the rule “No exact "
            "duplicates”."
        ).format(
            leaked_documents=found.leaked_documents,
            val_documents=found.val_documents,
            fraction=found.fraction,
        )
    else:
        said = tr(
            "None of the {val_documents:,} validation documents stands in "
            "the training text word for word. Asked for: about "
            "{validation_fraction:.0%} held out."
        ).format(val_documents=found.val_documents, validation_fraction=validation_fraction)
    return SplitView(rows, said, stretches_note(found), bool(found.leaked_documents))


def stretches_note(found: Leakage) -> str:
    """How much of the validation text stands in the training text by stretches."""
    if not found.judged_documents:
        return tr(
            "No validation document has {stretch_words} words, so stretches were not compared."
        ).format(stretch_words=STRETCH_WORDS)
    part = (
        tr(" Judged by the first {examined_documents:,} of them.").format(
            examined_documents=found.examined_documents
        )
        if found.examined_documents < found.val_documents
        else ""
    )
    return tr(
        "{leaked_share:.1%} of the words of the validation text lie in a "
        "stretch of {stretch_words} words that the training text has "
        "too. {mostly_leaked:,} of {judged_documents:,} documents have "
        "at least 80% of their stretches there.{part}"
    ).format(
        leaked_share=found.leaked_share,
        stretch_words=STRETCH_WORDS,
        mostly_leaked=found.mostly_leaked,
        judged_documents=found.judged_documents,
        part=part,
    )


LEAKAGE_MEANING = tr(
    "What a model has read in training it may know by heart, so a low loss on such text says "
    "little about new text. Tales from a grammar share whole sentences by design: for them the "
    "validation loss tells how well the grammar was learned, not how well unseen prose would go."
)


def twin_rows(twins: Sequence[Twin]) -> list[tuple[int, int, float, int, str]]:
    """Validation document, its twin, share of stretches, longest run of words, its beginning."""
    return [
        (twin.val_id + 1, twin.train_id + 1, twin.share, twin.longest_words,
         beginning(twin.longest, 80))
        for twin in twins
    ]  # fmt: skip
