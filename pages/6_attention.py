"""Attention: where every head looks."""

from ui import session, widgets
from ui.views.attention import heads

session.guard(__file__)
widgets.page_header(
    "Attention",
    "Every head looks back at the text in its own way: see where, and how much each token takes.",
)
with widgets.user_errors():
    heads.render(session.state())
widgets.explain("attention", 6)
