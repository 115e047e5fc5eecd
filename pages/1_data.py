"""Data: what the model learns from."""

from ui import session, widgets
from ui.texts import tr
from ui.views.data import collect, enough, explore, windows

VIEWS = {
    "explore": (tr("Explore"), explore),
    "collect": (tr("New corpus"), collect),
    "windows": (tr("Windows"), windows),
    "enough": (tr("Enough text?"), enough),
}

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Data"),
    tr(
        "A model knows nothing but its text. See what a text holds, clean it, and keep a part of "
        "it aside to find out later what was learned."
    ),
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("data", 1)
