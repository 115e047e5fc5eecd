"""A published chat model, brought in and asked: its own template, its own end of a turn."""

import json

import pytest
import torch

from slm.exchange.chat_template import has_chat_template
from slm.exchange.importing import ImportConfig, import_model
from slm.lab.reports import open_run
from slm.serving.orders import Kitchen
from slm.serving.requests import ChatRequest, parse
from slm.serving.templates import load_template
from slm.workspace import Workspace
from tests.serving.test_templates import folder as folder  # a fixture

TALK = [{"role": "user", "content": "Who are you?"}]


@pytest.fixture(scope="module")
def brought(folder, tmp_path_factory):
    """A random Qwen2 with the tokenizer of bytes and the ChatML template."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    shape = {"vocab_size": 259, "hidden_size": 32, "intermediate_size": 64}
    shape |= {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    Qwen2ForCausalLM(Qwen2Config(**shape, max_position_embeddings=128)).save_pretrained(folder)
    workspace = Workspace(tmp_path_factory.mktemp("brought") / "workspace")
    made = import_model(workspace, ImportConfig(source=str(folder), name="Chatty"))
    assert made is not None
    return made


def test_an_imported_model_keeps_its_template_and_is_asked_in_it(brought):
    assert has_chat_template(brought)
    template = load_template(brought.folder / "tokenizer")
    assert template is not None
    try:
        kitchen = Kitchen(open_run(brought), 100, template)
        body = {"model": "Chatty", "messages": TALK, "stop": "x", "seed": 1}
        (order,) = kitchen.chat(parse(ChatRequest, json.dumps(body).encode())).orders
    finally:
        template.close()
    text = kitchen.opened.tokenizer.decode(order.ids)
    assert text == "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n"
    assert order.ids[0] == 257 and order.stop == ("x", "<|im_end|>")


def test_without_a_wish_an_answer_fills_the_context_at_most(brought):
    template = load_template(brought.folder / "tokenizer")
    assert template is not None
    try:
        kitchen = Kitchen(open_run(brought), 4_096, template)
        body = json.dumps({"model": "Chatty", "messages": TALK}).encode()
        (order,) = kitchen.chat(parse(ChatRequest, body)).orders
    finally:
        template.close()
    assert len(order.ids) + order.max_new_tokens == 128
