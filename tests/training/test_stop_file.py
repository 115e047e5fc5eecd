"""Any run can be asked to stop or pause by a file in its folder, also without a job behind it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from slm.model.checkpoint import newest_sound
from slm.training.launch import pause_file, stop_file
from slm.training.trainer import train
from tests.training.small_runs import AsksAt, MakeRun


@pytest.mark.parametrize("file_of", [stop_file, pause_file])
def test_a_run_of_the_command_line_ends_where_it_is_asked_and_goes_on_later(
    make_run: MakeRun, file_of: Callable[[Path], Path]
):
    run = make_run(steps=8, evaluate_every=3)
    outcome = train(run, observers=[AsksAt(file_of(run), 3)])
    assert (outcome.state, outcome.step) == ("stopped", 3)
    assert newest_sound(run).step == 3
    assert train(run).state == "done"  # what was asked of an earlier stretch is forgotten
