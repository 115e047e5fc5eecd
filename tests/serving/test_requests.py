"""What a client may ask for, and how it is told what it may not."""

import json

import pytest

from slm.errors import ConfigError
from slm.serving.config import ServeConfig
from slm.serving.errors import ProtocolError
from slm.serving.hosts import KnownHosts
from slm.serving.requests import ChatRequest, CompletionRequest, parse


def completion(**fields):
    return parse(CompletionRequest, json.dumps({"model": "m", **fields}).encode())


def refused(kind=CompletionRequest, **fields):
    with pytest.raises(ProtocolError) as caught:
        parse(kind, json.dumps({"model": "m", **fields}).encode())
    assert caught.value.status == 400
    return caught.value


def test_what_is_not_said_is_what_the_protocol_says():
    (config,) = completion(seed=5).sampling()
    assert (config.temperature, config.top_p, config.top_k, config.seed) == (1.0, 1.0, 0, 5)


def test_choices_of_a_prompt_differ_in_their_seeds_and_the_first_has_the_seed_itself():
    assert [each.seed for each in completion(seed=7, n=3).sampling()] == [7, 8, 9]


def test_seeds_of_64_bits_are_taken():
    assert completion(seed=-1).sampling()[0].seed == 2**31 - 1


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
        (None, [""]),
    ],
)
def test_a_prompt_is_a_text_or_ids_or_a_list_of_either(prompt, prompts):
    assert completion(prompt=prompt).prompts == prompts


def test_a_number_in_quotes_is_no_number():
    error = refused(max_tokens="5")
    assert (error.param, str(error)) == (
        "max_tokens",
        "max_tokens is '5'; it must be a valid integer.",
    )


def test_the_form_of_an_answer_is_any_text_a_json_object_or_a_schema():
    assert (
        completion().json_schema == completion(response_format={"type": "text"}).json_schema == ""
    )
    assert completion(response_format={"type": "json_object"}).json_schema == '{"type": "object"}'
    named = {"name": "n", "schema": {"type": "integer"}, "strict": True}
    asked = completion(response_format={"type": "json_schema", "json_schema": named})
    assert asked.json_schema == '{"type": "integer"}'
    error = refused(response_format={"type": "json_schema"})
    assert "json_schema belongs to the type json_schema" in str(error)


def test_a_schema_that_is_too_long_is_refused():
    named = {"name": "n", "schema": {"enum": ["x" * 20_000]}}
    asked = completion(response_format={"type": "json_schema", "json_schema": named})
    with pytest.raises(ProtocolError, match="20,000 are read"):
        _ = asked.json_schema


def test_a_slip_of_the_pen_is_named():
    assert str(refused(temprature=1)) == "Unrecognized request argument supplied: temprature."


def test_every_problem_is_told_at_once_each_field_once():
    error = refused(prompt=[1, "a"], n=0)
    assert str(error).count("prompt must be a text") == 1
    assert "n is 0; it must be greater than or equal to 1." in str(error)


@pytest.mark.parametrize("name", ["presence_penalty", "frequency_penalty"])
def test_penalties_that_are_not_done_are_refused_with_the_one_that_is(name):
    assert "use repetition_penalty" in str(refused(**{name: 0.5}))
    assert completion(**{name: 0}).model == "m"


def test_a_setting_out_of_bounds_is_named_as_the_protocol_does():
    with pytest.raises(ProtocolError, match="temperature is -1") as caught:
        completion(temperature=-1).sampling()
    assert caught.value.param == "temperature"


def test_messages_may_come_back_as_clients_keep_them():
    """An answer's message, dumped with all its empty fields, is a message again."""
    body = b"""{"model": "m", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c", "refusal": null, "annotations": [], "audio": null,
         "function_call": null, "tool_calls": null}]}"""
    assert [each.text for each in parse(ChatRequest, body).messages] == ["ab", "c"]


@pytest.mark.parametrize(
    "messages",
    [[], [{"role": "king", "content": "x"}], [{"content": "x"}], "hello", [{"role": "tool"}]],
)
def test_messages_of_another_form_are_refused_in_one_sentence(messages):
    assert str(refused(ChatRequest, messages=messages)).startswith("messages must be a list of")


def test_pictures_and_tools_are_refused():
    picture = {"type": "image_url", "image_url": {"url": "http://example.org/a.png"}}
    refused(ChatRequest, messages=[{"role": "user", "content": [picture]}])
    talk = [{"role": "user", "content": "x"}]
    assert refused(ChatRequest, messages=talk, tools=[{"type": "function"}]).param == "tools"


def test_logprobs_of_a_chat_must_be_asked_for_before_the_tops():
    talk = [{"role": "user", "content": "x"}]
    assert "needs logprobs" in str(refused(ChatRequest, messages=talk, top_logprobs=2))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"null", b'{"model": "\xff"}', b'{"model": "\\ud800"}', b"[" * 100_000],
)
def test_a_body_that_is_no_object_of_json_is_refused(body):
    with pytest.raises(ProtocolError, match="The body") as caught:
        parse(CompletionRequest, body)
    assert caught.value.status == 400


def test_listening_to_other_machines_must_be_meant():
    with pytest.raises(ConfigError, match="everybody there could write"):
        ServeConfig(host="0.0.0.0")
    assert ServeConfig(host="0.0.0.0", open_to_network=True).host == "0.0.0.0"


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("evil.example:8000", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.5:8000", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_answered(header, known):
    """DNS rebinding: the page's own name leads here, and its Host header gives it away."""
    assert KnownHosts("127.0.0.1").knows(header) == known


def test_a_server_for_the_network_goes_by_any_address_but_not_by_any_name():
    hosts = KnownHosts("0.0.0.0", ["lab.example"])
    assert hosts.knows("192.168.1.5:8000") and hosts.knows("lab.example")
    assert not hosts.knows("evil.example")
