"""Attention: where every head looks."""

from ui import session, widgets
from ui.texts import tr
from ui.views.attention import (
    cell,
    filmstrip,
    head,
    lens,
    overview,
    painting,
    patching,
    switchboard,
    timeline,
)

VIEWS = {
    "overview": (tr("All heads"), overview),
    "head": (tr("One head"), head),
    "cell": (tr("One weight"), cell),
    "switchboard": (tr("Switchboard"), switchboard),
    "painting": (tr("Paint"), painting),
    "patching": (tr("Patching"), patching),
    "lens": (tr("Logit lens"), lens),
    "timeline": (tr("Over time"), timeline),
    "filmstrip": (tr("Filmstrip"), filmstrip),
}

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Attention"),
    tr(
        "Every head looks back at the text in its own way: see where, and how much each token "
        "takes."
    ),
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("attention", 6)
