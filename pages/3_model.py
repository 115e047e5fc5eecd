"""Model: the shape of a Transformer, and what that shape costs."""

from ui import session, widgets
from ui.texts import tr
from ui.views.model import design, drawn, walk

VIEWS = {
    "design": (tr("Design"), design),
    "drawn": (tr("The model, drawn"), drawn),
    "walk": (tr("Walk a sentence"), walk),
}

session.guard(__file__)
widgets.page_header(
    tr("Model"),
    tr(
        "Choose the shape of a Transformer and see what it costs before anything is trained; "
        "then look into every part of a trained one."
    ),
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(session.state())
widgets.explain("model", 3)
