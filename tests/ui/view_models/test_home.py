"""The pipeline's picture, from jobs and from reports."""

from slm.jobs import JobStatus, StageStatus
from ui.view_models.home import cards_of_job, cards_of_report, run_report


def test_stages_that_have_not_begun_wait():
    cards = cards_of_job(JobStatus("queued"))
    assert [card.state for card in cards] == ["waiting"] * 8


def test_a_running_stage_shows_how_far_it_is():
    status = JobStatus(
        "running",
        (
            StageStatus("source", "done", 1.0, "40 documents"),
            StageStatus("training", "running", 0.25, "step 5 of 20"),
        ),
    )
    cards = {card.name: card for card in cards_of_job(status)}
    assert (cards["source"].state, cards["source"].fact) == ("done", "40 documents")
    assert (cards["training"].state, cards["training"].fraction) == ("running", 0.25)


def test_no_stage_looks_alive_in_a_job_that_was_interrupted():
    status = JobStatus("interrupted", (StageStatus("training", "running", 0.25),))
    assert {card.state for card in cards_of_job(status)} == {"waiting"}


def test_a_stage_that_was_paused_waits_to_go_on():
    status = JobStatus("paused", (StageStatus("training", "paused", 0.25, "step 5 of 20"),))
    [paused] = [card for card in cards_of_job(status) if card.name == "training"]
    assert (paused.state, paused.fraction) == ("waiting", 0.25)


def test_without_a_report_everything_is_still_to_come():
    assert {card.state for card in cards_of_report(None)} == {"waiting"}
    assert run_report(None) is None


def test_a_report_gives_its_figures_beside_the_bigram():
    report = {
        "evaluation": {
            "model": {"perplexity": 2.04, "bits_per_byte": 0.337},
            "bigram": {"perplexity": 15.93},
        },
        "known_word_share": 0.984,
        "samples": ["Once."],
    }
    told = run_report(report)
    assert told is not None
    assert [figure.value for figure in told.figures] == ["2.0", "15.9", "98%", "0.34"]
    tales = run_report(report | {"name_consistency": 0.958})
    assert tales is not None
    assert [figure.value for figure in tales.figures] == ["2.0", "15.9", "98%", "96%"]
