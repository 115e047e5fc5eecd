"""A notebook of a run makes the same run again: the same tokens, the same losses, bit for bit."""

import ast
import runpy
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slm import files
from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.errors import ConfigError, DataError, WorkspaceError
from slm.exchange.cells import as_script, code, said, words
from slm.exchange.importing import ImportConfig, import_model
from slm.exchange.notebook import NOTEBOOK, SCRIPT, Story, story_of, write_story
from slm.exchange.pretrained import export_pretrained
from slm.exchange.python_text import literal
from slm.lab.evaluation import EvaluateConfig, evaluate_run
from slm.lab.kept_evaluations import keep_evaluation
from slm.lab.reports import open_run
from slm.lab.snapshots import observers_for
from slm.model.config import ModelConfig
from slm.sampling.config import SamplingConfig
from slm.sampling.methods import WritingConfig
from slm.sampling.presets import keep_preset
from slm.tokenizer.encoding import TokenizeConfig, encode_corpus, train_tokenizer
from slm.training.config import TrainConfig
from slm.training.events import request_change
from slm.training.finetune import finetune_run
from slm.training.fork import fork_run
from slm.training.launch import stop_file
from slm.training.runs import METRICS, create_run
from slm.training.trainer import train
from slm.workspace import Artefact, Workspace
from tests.exchange.notebook_runner import run_story

SHAPE = ModelConfig(vocab_size=300, context_length=16, n_layers=1, n_heads=2, d_model=16, d_ff=32)
RECIPE = TrainConfig(
    steps=8,
    batch_size=4,
    evaluate_every=2,
    snapshots=3,
    sample_every=0,
    threads=1,
    device="cpu",
    checkpoint_seconds=3600,
)
HOSTILE = "a\"); raise SystemExit('no') #\\ ![x](http://y) <b> {z} \U0001f98a"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture()
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def learn(workspace: Workspace, config: PrepareConfig, name: str = "run", **changes) -> Artefact:
    """A corpus, its tokenizer, its tokens, and a run on them that is not trained yet."""
    corpus = prepare_corpus(workspace, config)
    assert corpus is not None
    tokenizer = train_tokenizer(
        workspace, TokenizeConfig(corpus=corpus.artefact.id, vocab_size=300)
    )
    assert tokenizer is not None
    tokens = encode_corpus(workspace, corpus.artefact, tokenizer)
    assert tokens is not None
    parts = (corpus.artefact, tokenizer, tokens)
    return create_run(workspace, SHAPE, RECIPE.replace(**changes), *parts, name=name)


def trained(run: Artefact, *more) -> Artefact:
    train(run.folder, observers=[*observers_for(run.folder), *more])
    return run


def record(run_folder: Path) -> list[tuple]:
    rows = files.read_records(run_folder / METRICS).records
    return [(row["step"], row["train_nats"], row["val_nats"], row["learning_rate"]) for row in rows]


def only_run(folder: Path, name: str) -> Path:
    (again,) = folder.glob("again-*")
    return Workspace(again).runs.get(name).folder


TALES = PrepareConfig(source="tales", documents=30, seed=3, name="few tales")


def test_a_run_is_made_again_to_the_last_bit(workspace: Workspace, tmp_path: Path):
    run = trained(learn(workspace, TALES, HOSTILE))
    keep_preset(workspace.root, run.id, 'so "calm"', WritingConfig(method="greedy"))
    config = EvaluateConfig(resamples=0, documents=0, baselines=False)
    keep_evaluation(workspace, run, config, evaluate_run(workspace, run, config))

    printed = run_story(story_of(workspace, run), tmp_path / "elsewhere")

    assert "and it was" not in printed
    assert printed.count("the same as then") == 7
    for what in ("Training documents", "tokenizer.json", "train.bin", "val.bin", "Perplexity"):
        assert f"{what}: " in printed
    assert '--- so "calm", seed 0' in printed
    assert record(only_run(tmp_path / "elsewhere", HOSTILE)) == record(run.folder)


def test_the_script_does_what_the_notebook_does(workspace: Workspace, tmp_path: Path, monkeypatch):
    run = trained(learn(workspace, TALES, steps=2))
    path = tmp_path / "out" / "run.py"
    write_story(workspace, run, path)
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(path))
    assert record(names["run"].folder) == record(run.folder)


class Asks:
    """Changes a setting, and later asks to stop, as a page does."""

    def __init__(self, run: Artefact) -> None:
        self.run = run

    def on_evaluation(self, step: int, model: object) -> dict:
        if step == 2:
            request_change(self.run.folder, {"learning_rate": 0.002, "batch_size": 6})
        if step == 6:
            stop_file(self.run.folder).parent.mkdir(exist_ok=True)
            stop_file(self.run.folder).touch()
        return {}


def test_changes_in_mid_run_a_stop_and_a_fork_are_repeated(workspace: Workspace, tmp_path: Path):
    run = learn(workspace, TALES)
    trained(run, Asks(run))
    fork = fork_run(workspace, run, 6, RECIPE.replace(steps=10, learning_rate=0.003), name="other")
    trained(fork)
    assert [row[0] for row in record(run.folder)][-1] == 6
    assert [row[0] for row in record(fork.folder)][-1] == 10

    stopped = story_of(workspace, run)
    assert any("stopped at step" in gap for gap in stopped.gaps)
    run_story(stopped, tmp_path / "one")
    assert record(only_run(tmp_path / "one", "run")) == record(run.folder)

    run_story(story_of(workspace, fork), tmp_path / "two")
    assert record(only_run(tmp_path / "two", "other")) == record(fork.folder)


def test_a_fork_from_a_snapshot_begins_with_the_snapshot_again(
    workspace: Workspace, tmp_path: Path
):
    run = trained(learn(workspace, TALES))
    shutil.rmtree(run.folder / "ckpt")  # as the shipped run has none
    fork = trained(fork_run(workspace, run, 2, RECIPE, name="from a snapshot"))
    run_story(story_of(workspace, fork), tmp_path / "again")
    assert record(only_run(tmp_path / "again", "from a snapshot")) == record(fork.folder)


def test_a_file_is_found_by_its_hash_where_the_corpus_kept_it(workspace: Workspace, tmp_path: Path):
    book = tmp_path / "my book.txt"
    book.write_text(
        "\n\n\n".join(f"Chapter {n}. The fox met the owl {n} times." for n in range(40))
    )
    run = trained(learn(workspace, PrepareConfig(source=str(book)), steps=2))
    book.write_text("Something else stands here now.")

    story = story_of(workspace, run)

    assert story.gaps == ()
    run_story(story, tmp_path / "again")
    assert record(only_run(tmp_path / "again", "run")) == record(run.folder)


def test_a_folder_of_files_is_laid_down_again(workspace: Workspace, tmp_path: Path):
    folder = tmp_path / "texts"
    (folder / "b").mkdir(parents=True)
    for number in range(12):
        place = folder / ("b" if number % 2 else ".") / f"{number}.txt"
        animals = ("hen", "cat", "goat", "mole", "fox", "owl")
        place.write_text(
            f"Text {number}: the {animals[number % 6]} walked {number * 7} miles to a village "
            f"by the river, where {animals[(number + 2) % 6]} and mouse had just baked a cake."
        )
    run = trained(learn(workspace, PrepareConfig(source=str(folder)), steps=2))
    shutil.rmtree(folder)
    run_story(story_of(workspace, run), tmp_path / "again")
    assert record(only_run(tmp_path / "again", "run")) == record(run.folder)


def test_a_file_that_is_gone_is_named_with_its_hash(workspace: Workspace, tmp_path: Path):
    book = tmp_path / "gone.txt"
    book.write_text("\n\n\n".join(f"The mole dug {n} holes and slept." for n in range(30)))
    digest = files.sha256_of(book)
    config = PrepareConfig(source=str(book), keep_original=False)
    run = trained(learn(workspace, config, steps=1))
    book.unlink()

    story = story_of(workspace, run)

    assert any("gone" in gap and digest in gap for gap in story.gaps)
    with pytest.raises(DataError, match=f"gone.txt.*{digest}"):
        run_story(story, tmp_path / "again")


def test_a_run_without_its_corpus_is_opened_as_it_is(workspace: Workspace, tmp_path: Path):
    run = trained(learn(workspace, TALES, steps=1))
    workspace.corpora.delete(workspace.corpora.list()[0].id)
    story = story_of(workspace, run)
    assert not story.repeated
    assert any("corpus" in gap for gap in story.gaps)
    assert "perplexity" in run_story(story, tmp_path / "again")
    assert not list((tmp_path / "again").glob("again-*"))


def test_a_corpus_cleaned_anew_brings_its_parent(workspace: Workspace, tmp_path: Path):
    first = prepare_corpus(workspace, TALES)
    assert first is not None
    source = f"corpus:{first.artefact.id}"
    rules = ("min_length=100", "exact_duplicates")
    run = trained(learn(workspace, PrepareConfig(source=source, rules=rules), steps=2))
    printed = run_story(story_of(workspace, run), tmp_path / "again")
    assert printed.count("Training documents") == 2
    assert "and it was" not in printed


def test_an_imported_model_is_brought_in_looked_at_and_lets_write(
    workspace: Workspace, tmp_path: Path
):
    run = trained(learn(workspace, TALES, steps=1))
    opened = open_run(run)
    export_pretrained(opened.model, opened.tokenizer, tmp_path / "published")
    shutil.rmtree(tmp_path / "published" / "ckpt", ignore_errors=True)
    model = import_model(workspace, ImportConfig(source=str(tmp_path / "published"), name="out"))
    assert model is not None

    brought = story_of(workspace, model)
    printed = run_story(brought, tmp_path / "again")
    assert brought.repeated
    assert "perplexity" in printed
    assert "layer 0:" in printed
    assert "--- Wild, seed 0" in printed

    shutil.rmtree(tmp_path / "published")
    kept = story_of(workspace, model)
    assert not kept.repeated
    assert any("SHA\\-256" in gap or "SHA-256" in gap for gap in kept.gaps)
    assert "perplexity" in run_story(kept, tmp_path / "later")


@pytest.mark.parametrize("lora_rank", [0, 2], ids=["all weights", "adapters"])
def test_a_fine_tuned_run_begins_with_the_same_model_again(
    workspace: Workspace, tmp_path: Path, lora_rank: int
):
    before = trained(learn(workspace, TALES, steps=2))
    other = prepare_corpus(workspace, TALES.replace(seed=4, name="other tales"))
    assert other is not None
    recipe = RECIPE.replace(steps=4, lora_rank=lora_rank, optimizer="adamw", learning_rate=0.004)
    tuned = finetune_run(workspace, before, other.artefact, recipe, step=2, name="tuned")
    assert tuned is not None
    trained(tuned)
    story = story_of(workspace, tuned)
    assert any("began with the model run" in gap for gap in story.gaps)
    printed = run_story(story, tmp_path / "again")
    assert "and it was" not in printed
    assert record(only_run(tmp_path / "again", "tuned")) == record(tuned.folder)

    workspace.runs.delete(before.id)
    assert not story_of(workspace, tuned).repeated


def test_the_demo_is_told_from_all_its_documents_on(tmp_path: Path):
    demo = Workspace(Path(__file__).parents[2] / "demo")
    run = demo.runs.list()[0]
    told = Workspace(tmp_path / "none", read_only=[demo.root])
    story = story_of(told, told.runs.get(run.id))
    script = story.text(SCRIPT)
    assert story.repeated
    assert "documents=60000" in script
    assert 'source="tales-with-echoes"' in script
    assert "look_back_start=0.0" in script  # the demo is older than that setting
    used = story_of(told, told.runs.get(run.id), "use")
    assert "train(" not in used.text(SCRIPT)


def test_settings_that_are_on_a_gpu_or_of_many_processes_are_told(workspace: Workspace):
    run = trained(learn(workspace, TALES, steps=1))
    state = run.folder / "ckpt" / "1" / "state.json"
    held = files.read_json(state)
    around = {"torch": "2.13.0", "threads": 3, "device": "cuda", "processes": 2}
    files.write_json(state, {**held, "surroundings": around})
    story = story_of(workspace, run)
    assert any("cuda" in gap for gap in story.gaps)
    assert "train_in_processes(run.folder, 2, report=report, tokens=token_files)" in story.text(
        SCRIPT
    )


def test_a_file_that_is_there_is_not_written_over(workspace: Workspace, tmp_path: Path):
    run = trained(learn(workspace, TALES, steps=1))
    (tmp_path / "a.py").write_text("mine")
    with pytest.raises(WorkspaceError, match="exists"):
        write_story(workspace, run, tmp_path / "a.py")
    with pytest.raises(ConfigError, match="ipynb"):
        write_story(workspace, run, tmp_path / "a.txt")
    assert (tmp_path / "a.py").read_text() == "mine"


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
plain |= st.text()
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_a_literal_is_the_value_that_it_was_made_of(value):
    assert ast.literal_eval(literal(value)) == value


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_foreign_text_in_words_never_becomes_code(text):
    script = as_script([words(f"# {said(text)}"), code("x = 1")])
    (statement,) = ast.parse(script.encode("utf-8", "replace").decode()).body
    assert isinstance(statement, ast.Assign)


def test_a_story_is_the_same_in_both_forms():
    story = Story("t", (words("# t"), code("x = 1\ny = 2")), False, ())
    assert "x = 1\ny = 2" in story.text(SCRIPT)
    assert '"x = 1\\n",' in story.text(NOTEBOOK)


def test_writing_settings_name_what_their_method_uses(workspace: Workspace):
    run = trained(learn(workspace, TALES, steps=1))
    calm = WritingConfig(sampling=SamplingConfig(temperature=0.5, top_k=7))
    keep_preset(workspace.root, run.id, "calm", calm)
    script = story_of(workspace, run).text(SCRIPT)
    assert "temperature=0.5" in script
    assert "BeamConfig" not in script
