"""The doctor's panel and the rate finder on a page of their own. Jobs are recorded, not started."""

import pytest
from streamlit.testing.v1 import AppTest

from slm import jobs
from slm.files import append_record
from slm.training.events import pending_requests
from slm.training.rate_curves import keep_curve, key_of, read_off
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Workspace
from tests.conftest import PATIENCE_SECONDS


@pytest.fixture()
def started(monkeypatch):
    """The command lines of the jobs that a page starts."""
    argvs = []

    def start(workspace, argv, **names):
        argvs.append((list(argv), names))
        return jobs.Job(workspace.jobs.folder, "none", names["name"], "local", "", tuple(argv), 1)

    monkeypatch.setattr(jobs, "start", start)
    return argvs


def doctor_page(action):
    """The panel with one finding that has such a remedy; without one, what the doctor finds."""
    import streamlit as st

    from slm.files import read_records
    from slm.training.findings import Finding, Remedy
    from slm.training.runs import METRICS, RunSettings
    from ui import session
    from ui.views.training import doctor

    state = session.state()
    run = state.workspace.runs.get("tiny")
    evidence = {"update_ratio": 0.0004, "way": 0.06, "typical": 0.02}
    rates = {"learning_rate": 0.1, "muon_learning_rate": 0.15}
    remedies = {
        "change": Remedy("change", rates),
        "fork": Remedy("fork", rates, at_step=11),
        "extend": Remedy("extend", {"steps": 24}, at_step=2),
    }
    found = None
    if action == "none":
        found = []
    elif action:
        found = [Finding("rate_low", "warning", 2, 12, evidence, remedies[action])]
    records = read_records(run.folder / METRICS).records
    doctor.panel(state, run, RunSettings.read(run.folder), records, [], found)
    st.caption("end")


def opened(action: str) -> AppTest:
    return AppTest.from_function(
        doctor_page, kwargs={"action": action}, default_timeout=PATIENCE_SECONDS
    ).run()


def button(app: AppTest):
    return next(each for each in app.button if each.key and each.key.endswith("-do"))


def words(app: AppTest) -> str:
    return " ".join(each.value for each in (*app.markdown, *app.caption))


def test_a_change_is_asked_for_and_waits_for_the_trainer(workspace_env):
    app = opened("change")
    assert not app.exception
    assert "The learning rate is too low" in words(app) and "steps 2 to 12" in words(app)
    button(app).click().run()
    assert not app.error and not app.exception
    (request,) = pending_requests(workspace_env.runs.get("tiny").folder)
    assert dict(request.changes) == {"learning_rate": 0.1, "muon_learning_rate": 0.15}


def test_a_fork_and_a_longer_training_start_as_jobs(workspace_env, started):
    button(opened("fork")).click().run()
    button(opened("extend")).click().run()
    run = workspace_env.runs.get("tiny").id
    (fork, _), (longer, _) = started
    assert fork[:2] == ["train", f"--fork={run}"] and "--learning-rate=0.1" in fork
    assert longer == ["train", f"--resume={run}", "--steps=24"]


def test_a_run_without_findings_is_said_to_have_none(workspace_env):
    app = opened("none")
    assert not app.exception
    assert "nothing wrong" in words(app)


def test_what_the_doctor_finds_in_a_run_that_diverged_is_shown_with_its_remedy(workspace_env):
    run = workspace_env.runs.get("tiny")
    flagged = {"step": 13, "train_nats": None, "val_nats": None, "diverged": True}
    append_record(run.folder / METRICS, flagged)
    app = opened("")
    assert "The loss ran away" in words(app)
    assert button(app).label in {"Start anew with these settings", "Go on from step 3"}


def finder_page(**changes):
    """The finder for the tiny run's design, on its corpus and tokenizer."""
    from slm.training.config import recipe_for
    from ui import session
    from ui.view_models.model import design_like
    from ui.views.training import rate_finder

    state = session.state()
    run = state.workspace.runs.get("tiny")
    from slm.training.runs import RunSettings

    told = RunSettings.read(run.folder)
    corpus = state.workspace.corpora.get(told.corpus)
    tokenizer = state.workspace.tokenizers.get(told.tokenizer)
    recipe = recipe_for("nano").replace(**changes)
    rate_finder.render(state, corpus, tokenizer, design_like(told.model), recipe)


def finder(**changes) -> AppTest:
    return AppTest.from_function(
        finder_page, kwargs=changes, default_timeout=PATIENCE_SECONDS
    ).run()


def keep_a_curve(here: Workspace) -> None:
    from slm.training.config import recipe_for

    told = RunSettings.read(here.runs.get("tiny").folder)
    factors = [10 ** (n / 25 - 2) for n in range(100)]
    nats = [7 - 2 / (1 + 1 / x**3) + 6 / (1 + (30 / x) ** 3) for x in factors]
    rates = {"learning_rate": 0.01, "muon_learning_rate": 0.015, "batch_size": 12, "rows": 12}
    key = key_of(told.model, recipe_for("nano"), str(told.token_files["train.bin"]))
    keep_curve(here, key, read_off(factors, nats, **rates))


def test_the_finder_starts_a_job_with_the_settings_of_the_form(workspace_env, started):
    app = finder(batch_size=6)
    assert not app.exception
    app.button(key="finder-start").click().run()
    (argv, names) = started[0]
    assert argv[0] == "find-rate" and "--batch-size=6" in argv
    assert names["key"] == " ".join(argv)


def test_a_curve_that_was_found_before_is_shown_and_its_rates_taken_over(workspace_env):
    keep_a_curve(workspace_env)
    app = finder()
    assert not app.exception
    assert "Try learning rate" in words(app)
    app.button(key="finder-use").click().run()
    kept = app.session_state["kept-recipe"]
    assert kept.startswith("learning_rate:0.0") and "muon_learning_rate:0.0" in kept
    near = finder(
        **{part.partition(":")[0]: float(part.partition(":")[2]) for part in kept.split(",")}
    )
    assert "about right" in words(near)
    assert "finder-use" not in [each.key for each in near.button]
