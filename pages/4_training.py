"""Training: a model learns, and one sees how."""

from ui import session, widgets
from ui.views.training import begin, compare, experiments, timeline, watch

VIEWS = {
    "watch": ("Watch", watch),
    "start": ("New training", begin),
    "compare": ("Compare runs", compare),
    "experiments": ("Sweeps and races", experiments),
    "timeline": ("Time machine", timeline),
}

session.guard(__file__)
state = session.state()
widgets.page_header(
    "Training",
    "Step by step the model guesses the next token, and is changed a little so that it would have "
    "guessed better. The loss says how wrong it still is.",
)
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("training", 4)
