"""The routes: answers and refusals, in this process."""

import asyncio
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.errors import DivergedError
from slm.sampling.config import SamplingConfig
from slm.sampling.generate import decode_stream, generate
from slm.serving.orders import Kitchen
from slm.serving.requests import ChatRequest, CompletionRequest

PROMPT = "Once upon a time"
ASKED = {"model": "Demo", "prompt": PROMPT, "seed": 3, "max_tokens": 12}
TALK = [{"role": "user", "content": "hello"}]


def refused(answer, status):
    """The error of an answer, in the protocol's form."""
    assert answer[0] == status, answer
    assert set(answer[1]) == {"error"} and set(answer[1]["error"]) == {
        "message",
        "type",
        "param",
        "code",
    }
    return answer[1]["error"]


def test_a_completion_is_what_the_model_writes_with_that_seed(ask, demo):
    ids = demo.tokenizer.encode(PROMPT)
    config = SamplingConfig(temperature=1, top_k=0, seed=3)
    steps = list(generate(demo.model, ids, config, 12, eos_id=demo.tokenizer.eos_id))
    status, told = ask("POST", "/v1/completions", ASKED)
    assert status == 200 and told["object"] == "text_completion"
    (choice,) = told["choices"]
    assert choice["text"] == "".join(decode_stream(steps, demo.tokenizer, after=ids))
    assert choice["finish_reason"] == "length"
    assert told["usage"] == {"prompt_tokens": 4, "completion_tokens": 12, "total_tokens": 16}


def test_ids_as_a_prompt_are_the_same_as_their_text(ask, demo):
    by_text = ask("POST", "/v1/completions", ASKED)[1]["choices"]
    ids = {**ASKED, "prompt": demo.tokenizer.encode(PROMPT)}
    assert ask("POST", "/v1/completions", ids)[1]["choices"] == by_text


def test_prompts_and_choices_are_numbered_in_the_order_of_the_protocol(ask):
    """Choice n·p + k is the k-th text of prompt p; each is what it would be alone."""
    asked = {**ASKED, "prompt": [PROMPT, "The fox"], "n": 2}
    choices = ask("POST", "/v1/completions", asked)[1]["choices"]
    assert [each["index"] for each in choices] == [0, 1, 2, 3]
    alone = {**ASKED, "prompt": "The fox", "seed": 4}
    assert ask("POST", "/v1/completions", alone)[1]["choices"][0]["text"] == choices[3]["text"]


def test_an_echo_scores_the_prompt_even_where_nothing_is_written(ask):
    """How programs that measure models ask: how likely is this text?"""
    asked = {**ASKED, "max_tokens": 0, "echo": True, "logprobs": 1}
    (choice,) = ask("POST", "/v1/completions", asked)[1]["choices"]
    told = choice["logprobs"]
    assert choice["text"] == "".join(told["tokens"]) == PROMPT
    assert told["token_logprobs"][0] is None and max(told["token_logprobs"][1:]) < 0
    places = zip(told["text_offset"], told["tokens"], strict=True)
    assert all(PROMPT[at:].startswith(token) for at, token in places)


def test_the_engine_and_the_echo_agree_on_the_probability_of_a_token(ask):
    """The same text, written and then judged."""
    asked = {**ASKED, "logprobs": 0}
    (written,) = ask("POST", "/v1/completions", asked)[1]["choices"]
    whole = {**asked, "prompt": PROMPT + written["text"], "max_tokens": 0, "echo": True}
    (judged,) = ask("POST", "/v1/completions", whole)[1]["choices"]
    tokens = written["logprobs"]["tokens"]
    assert judged["logprobs"]["tokens"][-len(tokens) :] == tokens
    assert judged["logprobs"]["token_logprobs"][-len(tokens) :] == pytest.approx(
        written["logprobs"]["token_logprobs"], abs=1e-3
    )


def test_a_base_model_says_that_it_is_one_and_what_to_do(ask):
    error = refused(ask("POST", "/v1/chat/completions", {"model": "Demo", "messages": TALK}), 400)
    assert error["code"] == "base_model" and "/v1/completions" in error["message"]


def test_a_base_model_may_be_let_chat_in_plain_lines(make_asked):
    """Greedy, the answer is what follows the lines; stops keep it from speaking for the user."""
    ask = make_asked(plain_chat=True)
    chat = {"model": "Demo", "messages": TALK, "temperature": 0, "max_tokens": 8}
    text = {"model": "Demo", "prompt": "User: hello\nAssistant:", "temperature": 0, "max_tokens": 8}
    (answer,) = ask("POST", "/v1/chat/completions", chat)[1]["choices"]
    (written,) = ask("POST", "/v1/completions", text)[1]["choices"]
    assert answer["message"]["content"] == written["text"].partition("\nUser:")[0]
    assert answer["message"]["role"] == "assistant"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/completions", 405), ("/v2/completions", 404), ("/", 404), ("/v1/models/none", 404)],
)
def test_wrong_addresses_are_told_in_the_form_of_the_protocol(ask, path, status):
    refused(ask("GET", path), status)


def test_another_model_is_not_found_and_the_right_name_is_told(ask):
    error = refused(ask("POST", "/v1/completions", {**ASKED, "model": "gpt-4"}), 404)
    assert error["code"] == "model_not_found" and "'Demo'" in error["message"]


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(ask):
    error = refused(ask("POST", "/v1/completions", {**ASKED, "prompt": "a b " * 200}), 400)
    assert error["code"] == "context_length_exceeded" and "192" in error["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": [5_000]}, "prompt"),
        ({"max_tokens": 5_000}, "max_tokens"),
        ({"temperature": 11}, "temperature"),
        ({"stop": [""]}, "stop"),
        ({"stop": "x" * 300}, "stop"),
        ({"n": 33}, "n"),
        ({"logprobs": 21}, "logprobs"),
        ({"top_k": -1}, "top_k"),
        ({"echo": 1}, "echo"),
    ],
)
def test_values_that_cannot_be_are_named(ask, fields, param):
    assert refused(ask("POST", "/v1/completions", {**ASKED, **fields}), 400)["param"] == param


def test_a_body_may_have_a_million_bytes(ask):
    refused(ask("POST", "/v1/completions", {**ASKED, "user": "x" * 2**20}), 413)


def test_a_body_must_say_that_it_is_json(ask):
    """A web page can send plain text anywhere without asking; JSON it cannot."""
    answer = ask("POST", "/v1/completions", json.dumps(ASKED).encode(), content_type="text/plain")
    assert "Content-Type" in refused(answer, 400)["message"]


def test_a_name_that_leads_here_is_not_answered(ask):
    refused(ask("GET", "/v1/models", host="evil.example"), 403)


def test_web_pages_are_answered_only_where_they_are_allowed(make_asked, ask):
    page = "https://page.example"
    refused(ask("POST", "/v1/completions", ASKED, origin=page), 403)
    refused(ask("GET", "/v1/models", origin="null"), 403)
    assert make_asked(allowed_origins=(page,))("GET", "/v1/models", origin=page)[0] == 200


def test_with_a_key_only_those_who_have_it_are_answered(make_asked):
    ask = make_asked(api_key="sesame")
    for headers in ({}, {"authorization": "Bearer sesam"}, {"authorization": "Basic sesame"}):
        error = refused(ask("POST", "/v1/completions", ASKED, **headers), 401)
        assert error["code"] == "invalid_api_key"
    refused(ask("GET", "/v1/models", authorization="Bearer é"), 401)
    assert ask("GET", "/v1/models", authorization="Bearer sesame")[0] == 200
    assert ask("GET", "/health") == (200, {"status": "ok", "writing": 0})


def test_more_texts_than_there_are_places_for_are_refused_for_now(make_asked):
    ask = make_asked(places=3)
    error = refused(ask("POST", "/v1/completions", {**ASKED, "n": 4}), 429)
    assert error["type"] == "rate_limit_error"
    assert ask("POST", "/v1/completions", {**ASKED, "n": 3})[0] == 200
    assert ask.writers.live == 0


def test_a_server_that_ends_says_so_to_those_who_wait(make_asked):
    ask = make_asked()
    asked = {**ASKED, "max_tokens": 4_000, "ignore_eos": True, "stream": True}
    ask.loop.call_later(0.3, ask.writers.close)
    status, text = ask("POST", "/v1/completions", asked)
    last = json.loads(text.strip().rpartition("data: ")[2])
    assert status == 200 and last["error"]["code"] == "stopping"
    assert "[DONE]" not in text and ask.writers.live == 0
    refused(ask("POST", "/v1/completions", ASKED), 503)


def test_logits_that_are_no_numbers_end_the_text_with_an_error(make_asked, monkeypatch):
    ask = make_asked()

    def diverged(batch):
        raise_in = [*batch.line, *batch.writing]
        batch.line.clear()
        for text in raise_in:
            text.ended(DivergedError("Model diverged."))

    monkeypatch.setattr("slm.sampling.batching.Batch.turn", diverged)
    assert refused(ask("POST", "/v1/completions", ASKED), 500)["message"] == "Model diverged."


def test_a_bug_is_told_without_its_insides(make_asked, monkeypatch):
    ask = make_asked()

    def break_(*_):
        raise RuntimeError("secret insides")

    monkeypatch.setattr(Kitchen, "completion", break_)
    error = refused(ask("POST", "/v1/completions", ASKED), 500)
    assert error["type"] == "server_error" and "secret" not in error["message"]


def test_a_client_that_leaves_ends_its_text_in_both_ways_of_answering(make_asked):
    """Written to the end, the 4,000 tokens would take seconds."""
    ask = make_asked()
    for stream in (False, True):
        body = {**ASKED, "max_tokens": 4_000, "ignore_eos": True, "stream": stream}
        assert ask.loop.run_until_complete(_leave_after_half_a_second(ask.app, body)) < 2
        assert ask.writers.live == 0


async def _leave_after_half_a_second(app, body) -> float:
    """How long the route went on once the client had gone."""
    scope = {"type": "http", "method": "POST", "path": "/v1/completions", "query_string": b""}
    scope |= {"headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]}
    messages = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive():
        if messages:
            return messages.pop()
        await asyncio.sleep(0.5)
        return {"type": "http.disconnect"}

    async def send(message):
        del message

    begun = asyncio.get_running_loop().time()
    with suppress(OSError):
        await app(scope, receive, send)
    return asyncio.get_running_loop().time() - begun - 0.5


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_NAMES = sorted({*CompletionRequest.model_fields, *ChatRequest.model_fields})


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(["/v1/completions", "/v1/chat/completions"]),
    fields=st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=5), _VALUES, max_size=5),
    sound=st.booleans(),
)
def test_no_body_is_answered_by_a_failure_of_the_server(make_asked, path, fields, sound):
    ask = make_asked_once(make_asked)
    if sound:
        fields = {"model": "Demo", "max_tokens": 2, "prompt": "a", **fields}
    _sound_or_refused(ask("POST", path, json.dumps(fields).encode()))


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_are_answered_by_a_failure_of_the_server(make_asked, body):
    _sound_or_refused(make_asked_once(make_asked)("POST", "/v1/completions", body))


def _sound_or_refused(answer):
    status, told = answer
    assert status in {200, 400, 404}, answer
    if status != 200:
        assert set(told) == {"error"} and told["error"]["message"].endswith((".", "…"))


_once = []


def make_asked_once(make_asked):
    """Routes that let a base model chat, made once for all examples."""
    if not _once:
        _once.append(make_asked(plain_chat=True, max_tokens=20))
    return _once[0]
