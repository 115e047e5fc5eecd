"""How far a job is, in words."""

from slm.jobs import FORCE_SECONDS, STALLED_SECONDS, JobStatus
from ui.view_models.jobs import job_view


def test_a_job_without_a_sign_of_life_is_asked_about_and_called_safe():
    view = job_view("tales", JobStatus("running", silent_seconds=STALLED_SECONDS + 15))
    assert view.detail.startswith("stalled? No sign of life for 45 s")
    assert "Nothing is lost" in view.detail and view.alive


def test_a_job_may_be_ended_at_once_only_when_it_had_time_to_stop():
    early = JobStatus("running", stopping=True, stopping_seconds=FORCE_SECONDS - 1)
    late = JobStatus("running", stopping=True, stopping_seconds=FORCE_SECONDS + 1)
    assert not job_view("tales", early).may_force
    assert job_view("tales", late).may_force


def test_a_waiting_job_says_that_the_presenter_holds_it():
    status = JobStatus(state="queued", queue_position=2)
    assert job_view("nano", status, held=True).detail.startswith("The presenter holds")
    assert job_view("nano", status).detail.startswith("2 jobs are ahead of it")
