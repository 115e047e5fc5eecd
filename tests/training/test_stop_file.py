"""Any run can be asked to stop by a file in its folder, also one that no job stands behind."""

from typing import Any

from slm.model.checkpoint import newest_sound
from slm.training.launch import stop_file
from slm.training.trainer import train
from tests.training.small_runs import MakeRun


class AsksAt:
    """Touches the run's stop file at a step, as a page does."""

    def __init__(self, run, step: int) -> None:
        self._file, self._step = stop_file(run), step

    def on_evaluation(self, step: int, model: Any) -> dict[str, Any]:
        if step == self._step:
            self._file.parent.mkdir(exist_ok=True)
            self._file.touch()
        return {}


def test_a_run_of_the_command_line_stops_where_it_is_asked_and_goes_on_later(make_run: MakeRun):
    run = make_run(steps=8, evaluate_every=3)
    outcome = train(run, observers=[AsksAt(run, 3)])
    assert (outcome.state, outcome.step) == ("stopped", 3)
    assert newest_sound(run).step == 3
    assert train(run).state == "done"  # what was asked of an earlier stretch is forgotten
