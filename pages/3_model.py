"""Model: the shape of a Transformer, and what that shape costs."""

from ui import session, widgets
from ui.views.model import design, walk

VIEWS = {
    "design": ("Design", design),
    "walk": ("Walk a sentence", walk),
}

session.guard(__file__)
widgets.page_header(
    "Model",
    "Choose the shape of a Transformer. Its size, its memory and its drawing follow at once, "
    "before anything is trained.",
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(session.state())
widgets.explain("model", 3)
