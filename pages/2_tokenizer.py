"""Tokenizer: how text becomes numbers."""

from ui import session, widgets
from ui.texts import tr
from ui.views.tokenizer import compare, look, published, replay, train, vocabulary

VIEWS = {
    "look": (tr("Text as tokens"), look),
    "replay": (tr("Merge replay"), replay),
    "vocabulary": (tr("Vocabulary"), vocabulary),
    "compare": (tr("Compare"), compare),
    "published": (tr("Published"), published),
    "train": (tr("New tokenizer"), train),
}

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Tokenizer"),
    tr(
        "A model reads numbers, not letters. The tokenizer cuts text into known pieces and numbers "
        "them: the fewer, the better."
    ),
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("tokenizer", 2)
