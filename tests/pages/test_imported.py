"""Every page with a model that was trained elsewhere as the current one."""

import ast
from pathlib import Path

import pytest
import torch
import transformers
from streamlit.testing.v1 import AppTest

from slm.exchange.hub import OnTheHub
from slm.exchange.importing import ImportConfig, import_model
from slm.tokenizer.fast import Tokenizer
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.payload import unpack

ROOT = Path(__file__).parents[2]
TEXT = "Once there was a kind otter called Ben who lived by the sea with his friend Olga. "
CHAPTERS = ("home", "data", "tokenizer", "model", "training", "evaluation", "attention", "sampling")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "tiny-llama"
    torch.manual_seed(0)
    settings = transformers.LlamaConfig(
        vocab_size=310,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.3,
    )
    transformers.LlamaForCausalLM(settings).save_pretrained(folder)
    Tokenizer.train([TEXT * 9], vocab_size=290).save(folder)
    return folder


@pytest.fixture()
def imported(workspace_env: Workspace, published: Path) -> str:
    """The label under which the picker knows it."""
    assert import_model(workspace_env, ImportConfig(source=str(published))) is not None
    return "tiny-llama (imported)"


def told(app: AppTest) -> str:
    return " ".join(info.value for info in app.info)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_page_opens_with_it(
    open_page: OpenPage, workspace_env: Workspace, imported: str, chapter: str
):
    app = open_page(chapter, run=imported)
    assert not app.exception
    assert not app.error
    assert app.session_state["run"] == workspace_env.models.list()[0].id
    assert "No model is here" not in told(app)


@pytest.mark.parametrize(
    ("chapter", "view", "sentence"),
    [
        ("training", "watch", "losses are not here"),
        ("training", "timeline", "snapshots are not here"),
    ],
)
def test_what_is_not_there_is_said_with_a_way_on(
    open_page: OpenPage, imported: str, chapter: str, view: str, sentence: str
):
    app = open_page(chapter, run=imported, view=view)
    assert not app.exception and not app.error
    assert sentence in told(app)
    assert app.button(key="imported-attention")


def views_of(page: str) -> tuple[str, ...]:
    """The keys of VIEWS as a page declares them: a view that is added is tested, too."""
    tree = ast.parse((ROOT / "pages" / page).read_text(encoding="utf-8"))
    (views,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VIEWS"
    ]
    assert isinstance(views, ast.Dict)
    return tuple(ast.literal_eval(key) for key in views.keys if key is not None)


@pytest.mark.parametrize("view", views_of("6_attention.py"))
def test_every_attention_view_draws_it(open_page: OpenPage, imported: str, view: str):
    texts = {"text": "Ben saw Olga, and Olga saw Ben", "patch_clean": "Ben saw the otter"}
    app = open_page("attention", run=imported, view=view, **texts)
    assert not app.exception and not app.error
    assert app.get("bidi_component")
    assert not [info.value for info in app.info if "No model" in info.value]


@pytest.mark.parametrize("view", views_of("7_sampling.py"))
def test_every_sampling_view_writes_with_it(open_page: OpenPage, imported: str, view: str):
    app = open_page("sampling", run=imported, view=view, prompt="Ben saw")
    assert not app.exception and not app.error
    buttons = {each.key: each for each in app.button}
    for key in ("write", "grid_write"):
        if key in buttons:
            buttons[key].click().run(timeout=60)
    assert not app.exception and not app.error


@pytest.mark.parametrize("view", views_of("5_evaluation.py"))
def test_every_evaluation_view_opens_with_it(open_page: OpenPage, imported: str, view: str):
    app = open_page("evaluation", run=imported, view=view)
    assert not app.exception and not app.error


def test_models_of_different_vocabularies_write_side_by_side(
    open_page: OpenPage, imported: str, workspace_env: Workspace
):
    models = [workspace_env.models.list()[0].id, workspace_env.runs.get("tiny").id]
    app = open_page("sampling", run=imported, view="grid", prompt="Ben saw")
    app.pills(key="grid_what").set_value("model").run()
    app.multiselect(key="grid_models").set_value(models).run()
    app.button(key="grid_write").click().run(timeout=60)
    assert not app.exception and not app.error
    (drawn,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("text_grid")
    ]
    header, _ = unpack(drawn.bytes)
    assert [name.split(" (")[0] for name in header["columns"]] == ["tiny-llama", "tiny"]


def test_an_imported_model_is_measured_on_a_text_and_on_a_corpus(
    open_page: OpenPage, imported: str, workspace_env: Workspace
):
    app = open_page("evaluation", run=imported, split="Your text", eval_text=TEXT)
    assert not app.exception and not app.error
    assert any(metric.label == "Perplexity" for metric in app.metric)
    corpus = workspace_env.corpora.list()[0]
    app = open_page("evaluation", run=imported, view="slices", eval_corpus=corpus.name)
    assert not app.exception and not app.error
    assert len(app.get("plotly_chart")) == 2


def test_the_library_shows_needs_and_imports_a_folder(
    open_page: OpenPage, published: Path, monkeypatch: pytest.MonkeyPatch
):
    started: list[list[str]] = []

    class Started:
        id = "20260101-000000-abcdef"

    def start(workspace, argv, **_):
        started.append(list(argv))
        return Started()

    monkeypatch.setattr("slm.jobs.start", start)
    app = open_page("library", view="models")
    app.text_input(key="bring_folder").set_value(str(published / "nowhere")).run()
    assert "There is no folder" in app.error[0].value
    app.text_input(key="bring_folder").set_value(str(published)).run()
    assert not app.error
    assert any("LlamaForCausalLM" in c.value and "on the disk" in c.value for c in app.caption)
    (formats,) = [each for each in app.button_group if each.key == "bring_dtype"]
    assert [option.split(":")[0] for option in formats.options] == ["float32", "bfloat16"]
    app.button(key="bring").click().run()
    assert started == [["import", str(published), "--name=tiny-llama"]]


def test_the_library_looks_on_the_hub_before_it_fetches(
    open_page: OpenPage, published: Path, monkeypatch: pytest.MonkeyPatch
):
    """What is no name costs a sentence; a name is asked for by a button; the commit is pinned."""
    started: list[list[str]] = []

    class Started:
        id = "20260101-000000-abcdef"

    def look(name, revision=None):
        found = {path.name: path.stat().st_size for path in published.iterdir()}
        settings = (published / "config.json").read_text()
        return OnTheHub(name, "c" * 40, found, ("modeling.py",), "mit", settings, False)

    monkeypatch.setattr("slm.exchange.importing.look_on_hub", look)
    monkeypatch.setattr("slm.jobs.start", lambda _, argv, **__: started.append(argv) or Started())
    app = open_page("library", view="models", bring_from="The Hub", bring_hub="../secrets")
    assert "no model on the Hub" in app.error[0].value
    app.text_input(key="bring_hub").set_value("owner/tiny").run()
    assert not app.error and not [b for b in app.button if b.key == "bring"]
    app.button(key="bring-look").click().run()
    said = " ".join(caption.value for caption in app.caption)
    assert "LlamaForCausalLM" in said and "Commit cccccccc" in said and "nor run" in said
    app.button(key="bring").click().run()
    assert started == [["import", "owner/tiny", "--name=tiny", f"--revision={'c' * 40}"]]


def test_an_imported_model_can_be_chosen_renamed_and_deleted_in_the_library(
    open_page: OpenPage, imported: str, workspace_env: Workspace
):
    app = open_page("library", view="models", run=None)
    assert not app.exception and not app.error
    assert list(app.dataframe[0].value["Name"]) == ["tiny-llama"]
    assert "licence not told" in app.dataframe[0].value["What"][0]
    model = workspace_env.models.list()[0]
    workspace_env.models.delete(model.id)
    app = open_page("attention", run=imported)
    assert not app.exception


def test_a_design_takes_the_shape_of_an_imported_model(open_page: OpenPage, imported: str):
    app = open_page("model", run=imported)
    app.button(key="design-run").click().run()
    assert not app.exception and not app.error
    assert (app.number_input(key="design-d_model").value, app.toast.len) == (24, 0)
