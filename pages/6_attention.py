"""Attention: where every head looks."""

from ui import session, widgets
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
    "overview": ("All heads", overview),
    "head": ("One head", head),
    "cell": ("One weight", cell),
    "switchboard": ("Switchboard", switchboard),
    "painting": ("Paint", painting),
    "patching": ("Patching", patching),
    "lens": ("Logit lens", lens),
    "timeline": ("Over time", timeline),
    "filmstrip": ("Filmstrip", filmstrip),
}

session.guard(__file__)
state = session.state()
widgets.page_header(
    "Attention",
    "Every head looks back at the text in its own way: see where, and how much each token takes.",
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("attention", 6)
