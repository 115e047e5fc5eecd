"""Evaluation: how good the model is."""

from ui import session, widgets
from ui.texts import tr
from ui.views.evaluation import (
    calibration,
    copying,
    held_out,
    painted,
    report,
    shannon,
    slices,
    tasks,
)

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Evaluation"),
    tr(
        "How well does the model predict text that it never saw, and where is it caught out? "
        "A sample that reads well proves little; these figures do."
    ),
)
VIEWS = {
    "held_out": (tr("Held-out text"), held_out),
    "slices": (tr("Slices"), slices),
    "painted": (tr("By token"), painted),
    "tasks": (tr("Tasks"), tasks),
    "shannon": (tr("Shannon game"), shannon),
    "copying": (tr("Copy detective"), copying),
    "calibration": (tr("Calibration"), calibration),
    "report": (tr("Report"), report),
}
chosen = widgets.view_picker({key: title for key, (title, _) in VIEWS.items()})
with widgets.user_errors():
    VIEWS[chosen][1].render(state)
widgets.explain("evaluation", 5)
