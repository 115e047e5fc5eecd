"""The server as the `openai` package sees it, over the network of this machine."""

import json
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from openai import OpenAI

from slm.sampling.config import SamplingConfig
from slm.sampling.generate import decode_stream, generate
from slm.serving.presence import running
from slm.workspace import Workspace
from tests.serving.conftest import server_process

PROMPT = "Once upon a time"


@pytest.fixture(scope="module")
def client(served):
    return OpenAI(base_url=served.url, api_key="any", max_retries=0, timeout=60)


def written(demo, prompt, n_new, **settings):
    """What the model writes without a server."""
    ids = demo.tokenizer.encode(prompt)
    config = SamplingConfig(**{"temperature": 1, "top_k": 0, **settings})
    steps = generate(demo.model, ids, config, n_new, eos_id=demo.tokenizer.eos_id)
    return "".join(decode_stream(steps, demo.tokenizer, after=ids))


def ask(client, **fields):
    return client.completions.create(
        **{"model": "Demo", "prompt": PROMPT, "seed": 3, "max_tokens": 20, **fields}
    )


def test_the_model_tells_its_name_and_its_context(client, served):
    (model,) = client.models.list().data
    assert (model.id, model.name, model.max_model_len) == (served.model, "Demo", 192)
    assert client.models.retrieve("Demo") == model and model.created > 1_700_000_000


def test_a_stream_says_the_same_as_a_whole_answer_and_the_model_itself(client, demo):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].text for chunk in chunks[:-1])
    assert text == whole.choices[0].text == written(demo, PROMPT, 20, seed=3)
    assert chunks[-1].usage == whole.usage and whole.usage.completion_tokens == 20
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason == "length"
    assert len(chunks) > 2 and all(chunk.usage is None for chunk in chunks[:-1])


def test_settings_beyond_the_protocol_go_in_the_body(client, demo):
    more = {"top_k": 5, "min_p": 0.05, "typical_p": 0.9, "repetition_penalty": 1.2}
    text = ask(client, temperature=0.7, extra_body=more).choices[0].text
    assert text == written(demo, PROMPT, 20, temperature=0.7, seed=3, **more)


def test_a_stop_string_ends_the_text_before_it_in_a_stream_too(client):
    whole = ask(client, max_tokens=100, stop=["lived"])
    assert whole.choices[0].finish_reason == "stop"
    assert whole.choices[0].text == ", in the forest, there "
    pieces = [c.choices[0].text for c in ask(client, max_tokens=100, stop="lived", stream=True)]
    assert "".join(pieces) == whole.choices[0].text


def test_an_answer_fits_the_schema_that_is_asked_for(client):
    schema = {
        "type": "object",
        "properties": {
            "animal": {"enum": ["owl", "fox"]},
            "age": {"type": "integer", "maximum": 9},
        },
        "required": ["animal", "age"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "animal", "schema": schema}}
    choice = ask(client, max_tokens=60, extra_body={"response_format": form}).choices[0]
    told = json.loads(choice.text)
    assert choice.finish_reason == "stop" and told["animal"] in ("owl", "fox") and told["age"] <= 9
    with pytest.raises(openai.BadRequestError, match="Invalid type"):
        form["json_schema"]["schema"] = {"type": "nothing"}
        ask(client, extra_body={"response_format": form})


def test_logprobs_of_a_stream_are_those_of_the_whole_answer(client):
    whole = ask(client, logprobs=2).choices[0].logprobs
    chunks = [c.choices[0].logprobs for c in ask(client, logprobs=2, stream=True)]
    assert [t for each in chunks for t in each.tokens] == whole.tokens
    assert [t for each in chunks for t in each.text_offset] == whole.text_offset
    assert [p for each in chunks for p in each.token_logprobs] == pytest.approx(
        whole.token_logprobs, abs=1e-4
    )
    assert all(2 <= len(each) <= 3 for each in whole.top_logprobs)


def test_n_texts_are_as_many_seeds(client, demo):
    choices = ask(client, n=3).choices
    assert [each.text for each in choices] == [
        written(demo, PROMPT, 20, seed=3 + k) for k in range(3)
    ]


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "model_not_found"),
        ({"prompt": "a b " * 300}, openai.BadRequestError, "context_length_exceeded"),
        ({"presence_penalty": 1}, openai.BadRequestError, None),
        ({"extra_body": {"nonsense": 1}}, openai.BadRequestError, None),
    ],
)
def test_errors_reach_the_client_as_its_own(client, fields, error, code):
    with pytest.raises(error) as caught:
        ask(client, **fields)
    assert caught.value.code == code and caught.value.request_id.startswith("req_")


def test_a_chat_with_a_base_model_is_refused_with_the_remedy(client):
    with pytest.raises(openai.BadRequestError, match="/v1/completions"):
        client.chat.completions.create(model="Demo", messages=[{"role": "user", "content": "x"}])


def test_a_stream_that_is_left_is_written_no_further(client, served):
    """4,000 tokens that nobody ends would take many seconds more."""
    stream = ask(client, max_tokens=4_000, stream=True, extra_body={"ignore_eos": True})
    next(iter(stream))
    assert _writing(client) == 1
    stream.close()
    deadline = time.monotonic() + 2
    while _writing(client) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _writing(client) == 0


def _writing(client):
    return client.get("../health", cast_to=object)["writing"]


def test_sixteen_streams_at_once_say_what_each_says_alone(client):
    def text(seed):
        stream = ask(client, seed=seed, max_tokens=30, stream=True)
        return "".join(chunk.choices[0].text for chunk in stream)

    alone = [text(seed) for seed in range(16)]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(text, range(16))) == alone
    assert len(set(alone)) > 8


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to wait for")
def test_a_server_that_is_ended_ends_its_streams_and_leaves_no_trace(tmp_path):
    flags = ("--plain-chat", "True", "--api-key", "sesame")
    with server_process(tmp_path, *flags) as (here, process):
        client = OpenAI(base_url=here.url, api_key="sesame", max_retries=0)
        chat = client.chat.completions.create(
            model=here.model,
            messages=[{"role": "user", "content": "Tell me a tale."}],
            max_completion_tokens=4_000,
            logprobs=True,
            top_logprobs=1,
            stream=True,
            extra_body={"ignore_eos": True},
        )
        first, second = next(chat), next(chat)
        assert first.choices[0].delta.role == "assistant"
        assert second.choices[0].logprobs.content[0].bytes
        with pytest.raises(openai.AuthenticationError):
            OpenAI(base_url=here.url, api_key="open", max_retries=0).models.list()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(openai.APIError, match="The server is stopping"):
            list(chat)
        assert process.wait(timeout=10) == 0
        assert running(Workspace(tmp_path / "workspace")) == []
        assert "Traceback" not in (tmp_path / "log").read_text()
