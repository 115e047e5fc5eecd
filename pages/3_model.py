"""Model: the shape of a Transformer, and what that shape costs."""

from ui import session, widgets
from ui.views.model import design

session.guard(__file__)
widgets.page_header(
    "Model",
    "Choose the shape of a Transformer. Its size, its memory and its drawing follow at once, "
    "before anything is trained.",
)
with widgets.user_errors():
    design.render(session.state())
widgets.explain("model", 3)
