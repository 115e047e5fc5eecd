"""Sampling: how the model speaks."""

from ui import session, widgets
from ui.views.sampling import write

session.guard(__file__)
widgets.page_header(
    "Sampling",
    "The model only says how likely each token is to come next. How one then chooses decides "
    "whether the text is dull, lively or mad.",
)
with widgets.user_errors():
    write.render(session.state())
widgets.explain("sampling", 7)
