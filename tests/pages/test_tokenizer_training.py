"""Training a tokenizer, as a visitor does it."""

from slm.tokenizer.loading import load_tokenizer
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished

TRAIN = "New tokenizer"


def test_bytes_with_special_tokens_are_trained_as_asked(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("tokenizer", view=TRAIN)
    app.segmented_control(key="kind").set_value("bytes").run()
    app.multiselect(key="special_tokens").set_value(["<|endoftext|>", "<|user|>"]).run()
    assert any("begins what a person says" in each.value.replace("\\", "") for each in app.caption)
    app.button(key="train").click().run()
    job = finished(workspace_env, "tokenize")
    assert job.status().state == "done", job.log_tail()
    made = workspace_env.tokenizers.get(str(job.status().result["tokenizer"]))
    engine = load_tokenizer(made.folder)
    assert (engine.kind, list(engine.special_tokens)) == ("bytes", ["<|endoftext|>", "<|user|>"])


def test_what_was_learned_last_stays_on_the_page(open_page: OpenPage, workspace_env: Workspace):
    """300 tokens are 43 merges and the bytes and the end of text."""
    app = open_page("tokenizer", view=TRAIN)
    app.number_input(key="vocab_size").set_value(300).run()
    app.button(key="train").click().run()
    job = finished(workspace_env, "tokenize")
    app.run()
    assert not app.exception and not app.error
    assert {each.label: each.value for each in app.metric}["Merges"] == "43"
    made = workspace_env.tokenizers.get(str(job.status().result["tokenizer"]))
    merges = load_tokenizer(made.folder).merges
    newest = app.dataframe[0].value
    assert newest["Count"].tolist() == [f"{merge.count:,}" for merge in merges[:-9:-1]]


def test_a_name_that_text_could_spell_gets_a_sentence_and_no_button(open_page: OpenPage):
    app = open_page("tokenizer", view=TRAIN, special_tokens="the")
    assert not app.exception
    assert "'the' cannot be a special token" in app.error[0].value.replace("\\", "")
    assert "train" not in [button.key for button in app.button]
