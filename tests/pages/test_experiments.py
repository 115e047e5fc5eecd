"""Sweeps, races and comparisons on the Training page. Jobs are recorded instead of started."""

import shutil

import pytest

from slm import jobs
from slm.lab import experiments, races, sweeps
from slm.lab.experiments import Budget
from slm.lab.lanes import lane_of
from slm.lab.races import RaceConfig
from slm.workspace import Workspace

SMALL = "preset=nano,context_length=64,n_layers=1,n_heads=2,n_kv_heads=1,d_model=32,d_ff=64"
SMALL += ",batch_size=2"
VIEW = "Sweeps and races"


@pytest.fixture()
def started(monkeypatch):
    """The command lines of the jobs that the page starts."""
    argvs = []

    def start(workspace, argv, **names):
        argvs.append((list(argv), names))
        return jobs.Job(workspace.jobs.folder, "none", names["name"], "local", "", tuple(argv), 1)

    monkeypatch.setattr(jobs, "start", start)
    return argvs


@pytest.fixture()
def parents(workspace_env):
    here = workspace_env
    return here.corpora.list()[0], here.tokenizers.list()[0], here.tokens.list()[0]


@pytest.fixture(scope="module")
def raced(tiny_workspace, tmp_path_factory):
    """A workspace with a finished race; tests get a copy."""
    here = Workspace(tmp_path_factory.mktemp("raced") / "workspace")
    shutil.copytree(tiny_workspace.root, here.root)
    config = RaceConfig(threads=1, samples=2, sample_tokens=4, evaluations=4)
    lanes = races.read_lanes([f"{SMALL},name=<b>a</b>", f"{SMALL},name=b,mlp=gelu"], config)
    text = here.corpora.list()[0], here.tokenizers.list()[0], here.tokens.list()[0]
    plan = races.plan_race(*text, Budget("tokens", 2_560), lanes, config, name="My race")
    races.run_race(here, experiments.create(here, plan), plan)
    return here


@pytest.fixture()
def race(workspace_env, raced):
    shutil.copytree(raced.root, workspace_env.root, dirs_exist_ok=True)
    (made,) = experiments.shelf(workspace_env).list()
    return made


@pytest.fixture()
def sweep(workspace_env, parents):
    shared = {"threads": 1, "snapshots": 0, "steps": 4, "evaluation_tokens": 512}
    base = lane_of(SMALL, {}, shared)
    plan = sweeps.plan_sweep(*parents, base, "learning_rate", [0.003, 0.03], 1, name="My sweep")
    made = experiments.create(workspace_env, plan)
    sweeps.run_sweep(workspace_env, made, plan)
    return made


def texts(app):
    return " ".join(each.value for each in app.text)


def sound(app):
    assert not app.exception, app.exception
    assert not app.error, [each.value for each in app.error]
    return app


def test_a_finished_race_is_shown_with_its_verdict_and_its_texts(open_page, race):
    app = sound(open_page("training", view=VIEW))
    assert "My race · Race of 2 lanes, 2,560 tokens each: finished" in texts(app)
    assert any("Is it fair?" in each.label for each in app.expander)
    assert any("of its way" in each.value for each in app.caption)
    sound(app.segmented_control(key="race_axis_tokens").set_value("seconds").run())


def test_a_race_can_be_looked_back_at(open_page, race):
    app = sound(open_page("training", view=VIEW))
    app.slider(key="race_share").set_value(0).run()
    assert "after 0 steps" in " ".join(each.value for each in sound(app).caption)


def test_a_sweep_fills_the_form_with_its_best(open_page, sweep):
    app = sound(open_page("training", view=VIEW))
    assert "Best: learning rate" in texts(app)
    best = "0.003" if "Best: learning rate 0.003," in texts(app) else "0.03"
    app.button(key="use-best").click().run()
    assert not app.exception
    recipe = app.session_state["kept-recipe"]
    assert "steps:4" in recipe and f"learning_rate:{best}" in recipe


def test_a_race_starts_with_its_lanes(open_page, started):
    app = sound(open_page("training", view=VIEW, experiment_tool="New race"))
    app.text_area(key="race_lanes").set_value(f"{SMALL}\n{SMALL},optimizer=adamw\n").run()
    app.selectbox(key="race_budget_kind").set_value("tokens").run()
    app.number_input(key="race_amount_tokens").set_value(12_800).run()
    sound(app).button(key="start-race").click().run()
    argv, names = started[0]
    assert argv[0] == "race"
    assert {"--budget=tokens=12800", f"--lane={SMALL}"} < set(argv)
    assert names["key"] == " ".join(argv)


def test_a_wrong_lane_is_a_sentence_and_cannot_be_started(open_page):
    app = open_page("training", view=VIEW, experiment_tool="New race")
    app.text_area(key="race_lanes").set_value("preset=nano\npreset=nano,colour=red").run()
    assert not app.exception
    assert "no setting" in app.error[0].value
    assert app.button(key="start-race").disabled


def test_a_sweep_without_a_finished_run_shows_no_empty_chart(open_page, sweep, monkeypatch):
    monkeypatch.setattr("ui.view_models.sweep_words.sweep_points", lambda traces: [])
    app = sound(open_page("training", view=VIEW))
    assert not app.exception
    assert any("as soon as its run is done" in each.value for each in app.caption)


def test_a_sweep_starts_around_the_settings_of_a_new_training(open_page, started):
    app = sound(open_page("training", view=VIEW, experiment_tool="New sweep", recipe="steps:30"))
    app.text_input(key="sweep_values_learning_rate").set_value("0.001, 0.01").run()
    sound(app).button(key="start-sweep").click().run()
    argv, _ = started[0]
    assert argv[0] == "sweep"
    assert {"--field=learning_rate", "--values=0.001,0.01", "--steps=30"} < set(argv)


def test_with_nothing_made_yet_a_race_is_offered(open_page, started):
    app = open_page("training", view=VIEW)
    assert not app.exception
    app.button(key="race-example").click().run()
    argv, _ = started[0]
    assert argv[0] == "race" and "--budget=seconds=25" in argv


def test_an_interrupted_race_can_go_on(open_page, workspace_env, parents, started):
    config = RaceConfig(threads=1)
    lanes = races.read_lanes([SMALL, f"{SMALL},mlp=gelu"], config)
    plan = races.plan_race(*parents, Budget("tokens", 2_560), lanes, config, name="Half")
    made = experiments.create(workspace_env, plan)
    app = sound(open_page("training", view=VIEW))
    app.button(key="experiment-resume").click().run()
    assert started[0][0] == ["race", f"--resume={made.id}"]


def test_deleting_the_comparison_leaves_the_runs(open_page, workspace_env, race):
    app = sound(open_page("training", view=VIEW))
    app.button(key="experiment-delete").click().run()
    assert not app.exception
    assert len(workspace_env.runs.list()) == 3
    assert not [each for each in experiments.shelf(workspace_env).list() if not each.read_only]


def test_a_link_to_a_comparison_shows_it_in_a_fresh_session(open_page, race):
    app = sound(open_page("training", view="Compare runs", group="My race · race", axis="FLOPs"))
    columns = list(app.dataframe[0].value.columns)
    assert columns == ["setting", "My race: <b>a</b>", "My race: b"]
    assert app.segmented_control(key="axis").value == "flops"


def test_runs_are_compared_with_smoothing_and_by_what_they_cost(open_page):
    app = sound(open_page("training", view="Compare runs"))
    app.segmented_control(key="compare_losses").set_value("both").run()
    app.slider(key="smoothing").set_value(0.5).run()
    for axis in ("tokens", "flops", "seconds", "step"):
        sound(app.segmented_control(key="axis").set_value(axis).run())


def test_a_damaged_plan_is_a_sentence(open_page, race):
    (race.folder / experiments.PLAN).write_text("{")
    app = open_page("training", view=VIEW)
    assert not app.exception
    assert "damaged" in app.error[0].value
