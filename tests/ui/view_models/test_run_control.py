"""What may be done with a run, in each way that it can stand."""

import pytest

from slm.training.config import TrainConfig
from slm.training.events import CHANGEABLE, Event
from ui.view_models.run_control import (
    badge,
    change_argv,
    change_fields,
    commands,
    controls,
    damaged_told,
    event_marks,
    extend_argv,
    extend_told,
    fork_argv,
    fork_fields,
    fork_name,
    fork_points,
    fork_told,
    newest,
)


@pytest.mark.parametrize("state", ["paused", "stopped", "interrupted", "failed", "waiting"])
def test_whatever_ended_a_run_it_can_go_on_and_be_deleted(state):
    can = controls(state, saved_step=40, has_job=False)
    assert can.can_go_on and not can.can_pause and not can.can_stop
    assert set(can.deeds) == {"change", "extend", "fork", "delete"}


def test_a_run_that_trains_cannot_be_deleted():
    can = controls("running")
    assert can.can_pause and can.can_stop and not can.can_go_on
    assert "delete" not in can.deeds


def test_a_run_of_the_command_line_can_be_paused_stopped_and_changed():
    can = controls("running", has_job=False)
    assert can.can_stop and can.can_pause and "change" in can.deeds
    assert "outside of this app" in can.sentence


def test_a_run_of_a_later_version_is_looked_at_used_and_deleted_only():
    can = controls("done", later_schema=99)
    assert can.can_use and can.deeds == ("delete",) and "schema 99" in can.sentence
    assert controls("running", later_schema=99).deeds == ()
    assert not controls("interrupted", later_schema=99).can_go_on


def test_a_finished_run_is_used_or_trained_longer():
    can = controls("done")
    assert can.can_use and not can.can_go_on and can.deeds == ("extend", "fork", "delete")


def test_the_demo_can_be_forked_and_not_be_changed():
    assert controls("done", read_only=True).deeds == ("fork",)


def test_while_it_saves_nothing_more_can_be_asked():
    can = controls("running", ending=True)
    assert not (can.can_pause or can.can_stop or can.deeds) and "saves a checkpoint" in can.sentence


def test_what_does_not_end_when_asked_can_be_ended_at_once():
    can = controls("running", ending=True, may_force=True, saved_step=1200)
    assert can.can_force and "from the checkpoint of step 1,200" in can.sentence
    can = controls("running", ending=True, may_force=True)
    assert can.can_force and "begins anew" in can.sentence
    assert not controls("running", may_force=True).can_force


def test_a_run_whose_measurements_are_lost_goes_on_from_its_checkpoint():
    assert controls("waiting", has_job=False, saved_step=300).sentence == (
        "It goes on from the checkpoint of step 300."
    )
    assert "not begun" in controls("waiting", has_job=False).sentence


def test_an_interrupted_run_says_from_where_it_goes_on():
    assert "checkpoint of step 1,200" in controls("interrupted", saved_step=1200).sentence
    assert "begins anew" in controls("interrupted").sentence


def test_a_run_in_the_queue_says_how_many_are_before_it():
    assert controls("waiting", ahead=1).sentence == "1 job is ahead of it."
    assert controls("waiting", ahead=2).sentence == "2 jobs are ahead of it."


def test_a_run_that_diverged_says_so():
    assert badge("failed", diverged=True, ending=False) == ("Diverged", "red")
    assert badge("running", diverged=False, ending=True) == ("Saving", "orange")
    assert badge("paused", diverged=False, ending=False)[0] == "Paused"


def test_forks_begin_at_checkpoints_exactly_and_at_snapshots_nearly():
    records = [{"step": 0, "val_nats": 7.0}, {"step": 50, "val_nats": 3.25}]
    points = fork_points([50, 80], [0, 50], records)
    assert [(point.step, point.exact) for point in points] == [(0, False), (50, True), (80, True)]
    assert "half precision" in points[0].told and "3.250 nats." in points[1].told
    assert "(measured at step 50)" in points[2].told
    assert newest(points) == 80 and newest(()) is None


def test_each_deed_has_its_command():
    assert extend_argv("r", 600) == ["train", "--resume=r", "--steps=600"]
    assert change_argv("r", {"learning_rate": 0.005}) == [
        "change",
        "--run=r",
        "--learning-rate=0.005",
    ]
    assert fork_argv("r", 50, "b", {"seed": 2}) == [
        "train",
        "--fork=r",
        "--at=50",
        "--name=b",
        "--seed=2",
    ]
    assert [argv[0] for _, argv in commands("r", TrainConfig())] == ["train", "change", "train"]


def test_a_forks_name_says_where_it_began_and_stays_short():
    assert (
        fork_name("x" * 90, 1200).endswith("x from 1200") and len(fork_name("x" * 90, 1200)) == 80
    )


def test_only_settings_that_may_change_and_that_mean_something_are_asked_for():
    first, more = change_fields(TrainConfig(optimizer="adamw"), CHANGEABLE)
    assert first == ("learning_rate", "batch_size")
    assert set(more) < CHANGEABLE
    assert not {"steps", "muon_learning_rate", "muon_momentum", *first} & set(more)
    assert "muon_learning_rate" not in fork_fields(TrainConfig(optimizer="adamw"))


def test_a_finished_schedule_that_is_laid_longer_rises_again():
    """400 steps to 0 at the end; over 600, step 401 is 100 of 300 steps down: at 67%."""
    config = TrainConfig(steps=400, decay_fraction=0.5)
    told = extend_told(config, 400, 600)
    assert "taken at 67% of the peak rate" in told and "rises again" in told
    assert "rises again" not in extend_told(config, 100, 600)


def test_changes_of_one_step_are_one_mark():
    events = [
        Event(200, "learning_rate", 0.01, 0.005),
        Event(200, "batch_size", 12, 24),
        Event(300, "threads", 2, 4, note="exactness not guaranteed"),
    ]
    marks = event_marks(events, {"run": "a", "step": 100})
    assert [mark.step for mark in marks] == [100, 200, 300]
    assert "forked from another run" in marks[0].note
    assert marks[1].note == (
        "After step 200: Learning rate: 0.01 → 0.005; Batch (windows): 12 → 24"
    )
    assert marks[2].note.endswith("Threads: 2 → 4 (exactness not guaranteed)")


def test_where_a_run_went_on_is_a_mark_and_says_what_was_made_again():
    events = [
        Event(40, "resumed", 40, 40),
        Event(40, "resumed", 40, 40),
        Event(60, "resumed", 75, 60),
        Event(60, "learning_rate", 0.01, 0.005),
    ]
    first, second = event_marks(events, None)
    assert first.note == "After step 40: it went on from its checkpoint"
    assert second.note == (
        "After step 60: it went on from its checkpoint; 15 steps were made again; "
        "Learning rate: 0.01 → 0.005"
    )


def test_a_fork_from_the_end_is_warned_of_a_rate_that_jumps():
    """400 steps end near rate 0. A fork to 600 begins at 200 of 300 steps down: 0.01 × 2/3."""
    ended, longer = TrainConfig(steps=400), TrainConfig(steps=600)
    assert "a learning rate of 0.0067" in fork_told(ended, 400, longer)
    assert fork_told(ended, 400, longer.replace(learning_rate=5e-5)) == ""
    assert fork_told(ended, 150, longer) == ""  # before the descent
    assert fork_told(ended, 0, longer.replace(learning_rate=1.0)) == ""


def test_a_damaged_run_says_whether_its_settings_are_kept_elsewhere():
    assert "step 1,200 holds the same settings" in damaged_told(1200)
    assert "cannot be mended" in damaged_told(None)


def test_a_run_that_the_presenter_holds_does_not_promise_to_start():
    told = controls("waiting", ahead=1, held=True).sentence
    assert told == "The presenter holds everybody's work; it begins when the presenter lets it."
    assert controls("waiting", ahead=1).sentence == "1 job is ahead of it."
