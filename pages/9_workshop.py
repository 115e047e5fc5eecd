"""Workshop: one server, a room full of people."""

from slm.workshop.rights import is_presenter
from ui import session, widgets
from ui.texts import tr
from ui.views.workshop import challenge, control, game, questions, room, tour

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Workshop"),
    tr(
        "Learn together at one machine: a tour, a race, a game and questions; and your own work to "
        "take home."
    ),
)
VIEWS = {
    "room": (tr("Room"), room),
    "tour": (tr("Tour"), tour),
    "challenge": (tr("Challenge"), challenge),
    "game": (tr("Class game"), game),
    "questions": (tr("Questions"), questions),
}
if session.is_shared() and is_presenter(state.owner):
    VIEWS["control"] = (tr("Control"), control)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
