"""Home: the way from raw text to a model that speaks, in one picture."""

from ui import session, widgets
from ui.texts import tr
from ui.views.home import first_model

session.guard(__file__)
widgets.page_header(
    tr("From raw text to a talking model"),
    tr("Eight stages make a small language model. Each has its chapter: click a stage to open it."),
)
with widgets.user_errors():
    first_model.render(session.state())
