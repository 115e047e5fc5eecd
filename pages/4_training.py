"""Training: a model learns, and one sees how."""

from ui import session, widgets
from ui.texts import tr
from ui.views.training import begin, compare, experiments, timeline, watch

VIEWS = {
    "watch": (tr("Watch"), watch),
    "start": (tr("New training"), begin),
    "compare": (tr("Compare runs"), compare),
    "experiments": (tr("Sweeps and races"), experiments),
    "timeline": (tr("Time machine"), timeline),
}

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Training"),
    tr(
        "Step by step the model guesses the next token, and is changed a little so that it would "
        "have guessed better. The loss says how wrong it still is."
    ),
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("training", 4)
