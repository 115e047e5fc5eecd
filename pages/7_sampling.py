"""Sampling: how the model speaks."""

from ui import session, widgets
from ui.texts import tr
from ui.views.sampling import anatomy, branching, side_by_side, write

VIEWS = {
    "write": (tr("Write"), write),
    "anatomy": (tr("Anatomy of a choice"), anatomy),
    "branches": (tr("Branches"), branching),
    "grid": (tr("Side by side"), side_by_side),
}

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Sampling"),
    tr(
        "The model only says how likely each token is to come next. How one then chooses decides "
        "whether the text is dull, lively or mad."
    ),
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("sampling", 7)
