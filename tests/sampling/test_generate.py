"""Generation: seeds, the cache, the end of the context, prompts that do not fit."""

import itertools
import math

import numpy as np
import pytest
import torch

from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.engine import Engine
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import decode_stream, fit_prompt, generate, logits
from slm.tokenizer.protocol import StreamDecoder

SIZES = {"vocab_size": 12, "n_layers": 2, "n_heads": 2, "n_kv_heads": 1, "d_model": 16, "d_ff": 32}
GREEDY = SamplingConfig(temperature=0)
WILD = SamplingConfig(temperature=1.5, top_k=0, seed=7)


@pytest.fixture(scope="module")
def model() -> Transformer:
    """Two layers, a context of 8, weights large enough to prefer something."""
    torch.manual_seed(0)
    model = Transformer(ModelConfig(context_length=8, **SIZES))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    return model.eval()


def ids_of(steps: object) -> list[int]:
    return [step.id for step in steps]


def test_the_same_seed_writes_the_same_and_another_seed_does_not(model: Transformer):
    first, again = (ids_of(generate(model, [1, 2], WILD, 30)) for _ in range(2))
    other = ids_of(generate(model, [1, 2], WILD.replace(seed=8), 30))
    assert first == again != other
    assert len(first) == 30


@pytest.mark.parametrize("config", [GREEDY, WILD, WILD.replace(repetition_penalty=1.3, top_p=0.9)])
def test_with_the_cache_or_without_the_tokens_are_the_same(
    model: Transformer, config: SamplingConfig
):
    """30 tokens in a context of 8: the window slides several times."""
    for prompt in ([3], [1, 2, 3], list(range(8)), list(range(11))):
        cached = ids_of(generate(model, prompt, config, 30))
        plain = ids_of(generate(model, prompt, config, 30, use_cache=False))
        assert cached == plain


def test_greedy_writes_what_whole_passes_choose_after_a_thousand_prompts(model: Transformer):
    """The engine reads through caches, 32 texts at a time; the other side reads all anew."""
    prompts_NT = torch.randint(12, (1000, 4), generator=torch.Generator().manual_seed(1))
    plain_NT = prompts_NT
    with torch.inference_mode():
        for _ in range(4):  # up to the whole context of 8
            chosen_N1 = model(plain_NT)[:, -1].argmax(-1, keepdim=True)
            plain_NT = torch.cat([plain_NT, chosen_N1], dim=1)
    engine = Engine(model, line=1000)
    tickets = [engine.submit(prompt, GREEDY, 4) for prompt in prompts_NT.tolist()]
    assert [ids_of(ticket.steps()) for ticket in tickets] == plain_NT[:, 4:].tolist()


def test_greedy_is_the_likeliest_token_each_time(model: Transformer):
    ids = [4, 5]
    for step in generate(model, ids, GREEDY, 5):
        with torch.inference_mode():
            expected = int(model(torch.tensor([ids]))[0, -1].argmax())
        assert step.id == expected == step.top[0][0]
        assert step.rank == 1 and step.probability == 1.0
        assert step.logprob == pytest.approx(math.log(step.top[0][1]), abs=1e-5)
        ids.append(step.id)


def test_when_the_context_is_full_the_last_half_is_read_again(model: Transformer):
    """Prompt of 8 fills the context; with the 9th token, the model reads the last 4."""
    prompt = [1, 2, 3, 4, 5, 6, 7, 8]
    first, second = generate(model, prompt, GREEDY, 2)
    with torch.inference_mode():
        window = torch.tensor([[6, 7, 8, first.id]])
        assert second.id == int(model(window)[0, -1].argmax())


def test_a_step_tells_the_models_own_probability_and_that_of_the_draw(model: Transformer):
    config = SamplingConfig(temperature=1, top_k=3)
    step = next(generate(model, [1], config, 1, n_top=12))
    own = dict(step.top)
    assert sum(own.values()) == pytest.approx(1, abs=1e-5)
    assert math.exp(step.logprob) == pytest.approx(own[step.id], abs=1e-6)
    three = sorted(own.values())[-3:]
    assert step.probability == pytest.approx(own[step.id] / sum(three), abs=1e-5)


def test_an_empty_prompt_starts_from_the_end_of_text_token_and_says_so(model: Transformer):
    empty = list(generate(model, [], GREEDY, 3, eos_id=0))
    assert "empty" in empty[0].notes[0]
    assert empty[1].notes == ()
    assert ids_of(empty) == ids_of(generate(model, [0], GREEDY, 3, eos_id=0))


def test_an_empty_prompt_without_a_first_token_is_refused_at_once(model: Transformer):
    with pytest.raises(DataError, match="prompt is empty"):
        generate(model, [], GREEDY, 3)


def test_a_prompt_longer_than_the_context_keeps_its_end_and_says_so(model: Transformer):
    prompt = list(range(11))
    step = next(generate(model, prompt, GREEDY, 1))
    assert step.notes == ("The prompt has 11 tokens and the context holds 8: using the last 8.",)
    assert step.id == next(generate(model, prompt[-8:], GREEDY, 1)).id
    assert fit_prompt(prompt, 12, 8).dropped == 3


def test_a_token_of_another_vocabulary_is_refused(model: Transformer):
    with pytest.raises(DataError, match="Token 12 is outside"):
        generate(model, [1, 12], GREEDY, 1)
    with pytest.raises(DataError, match="Token -1 is outside"):
        logits(model, [-1])


def test_generation_ends_with_the_end_of_text_token(model: Transformer):
    unbounded = ids_of(generate(model, [1], WILD, 40))
    eos_id = unbounded[9]
    steps = list(generate(model, [1], WILD, 40, eos_id=eos_id))
    assert ids_of(steps) == unbounded[: unbounded.index(eos_id) + 1]
    assert [step.ends for step in steps] == [False] * (len(steps) - 1) + [True]


def test_should_stop_is_asked_before_each_token(model: Transformer):
    asked = itertools.count()
    steps = generate(model, [1], WILD, 40, should_stop=lambda: next(asked) >= 3)
    assert len(list(steps)) == 3


def test_no_new_tokens_means_no_steps(model: Transformer):
    assert list(generate(model, [1], GREEDY, 0)) == []


def test_logits_are_those_that_generate_sees(model: Transformer):
    logits_V = logits(model, [1, 2, 3])
    assert logits_V.dtype == np.float32 and logits_V.shape == (12,)
    assert int(logits_V.argmax()) == next(generate(model, [1, 2, 3], GREEDY, 1)).id


def test_a_diverged_model_says_so():
    broken = Transformer(ModelConfig(context_length=8, **SIZES))
    with torch.no_grad():
        broken.final_norm.weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="Model diverged"):
        list(generate(broken, [1], GREEDY, 1))


def test_a_model_in_training_writes_without_dropout_and_stays_in_training():
    torch.manual_seed(0)
    model = Transformer(ModelConfig(context_length=8, dropout=0.5, **SIZES)).train()
    first, again = (logits(model, [1, 2, 3]).tolist() for _ in range(2))
    assert first == again
    assert model.training


def test_a_context_of_one_token_still_writes():
    model = Transformer(ModelConfig(context_length=1, **SIZES))
    assert len(list(generate(model, [1, 2], WILD, 5))) == 5


class Bytes:
    """A tokenizer of four tokens; two of them are halves of one character."""

    def decoder(self, after: object = ()) -> StreamDecoder:
        decoder = StreamDecoder([b"<end>", b"caf", b"\xc3", b"\xa9"].__getitem__)
        for token in after:
            decoder.push(token)
        return decoder


def test_a_stop_string_ends_the_steps_and_the_text_stops_before_it(model: Transformer):
    """Tokens 1 "caf", 2 and 3 halves of "é": "fc" begins in one token and ends in the next."""
    names = [b"<end>", b"caf", b"\xc3", b"\xa9", *(bytes([97 + i]) for i in range(8))]
    tokenizer = Letters(names)
    unbounded = list(generate(model, [1], WILD, 40))
    text = "".join(decode_stream(unbounded, tokenizer))
    for stop in (text[5:7], text[3], text[9:15]):
        steps = list(
            generate(model, [1], WILD, 40, stop=(stop, "never"), decoder=tokenizer.decoder())
        )
        assert steps[-1].stopped_by == stop
        assert ids_of(steps) == ids_of(unbounded[: len(steps)])
        assert [step.stopped_by for step in steps[:-1]] == [None] * (len(steps) - 1)
        before = text[: text.index(stop)]
        assert "".join(decode_stream(steps, tokenizer, stop=(stop,))) == before
        assert "".join(decode_stream(unbounded, tokenizer, stop=(stop,))) == before
    kept = decode_stream(unbounded, tokenizer, stop=(text[-1] + "never",))
    assert "".join(kept) == text


def test_stop_strings_without_a_decoder_or_letters_are_refused(model: Transformer):
    with pytest.raises(DataError, match="need a decoder"):
        generate(model, [1], WILD, 4, stop=("x",))
    with pytest.raises(DataError, match="stop string is empty"):
        generate(model, [1], WILD, 4, stop=("",), decoder=Bytes().decoder())


class Letters:
    """A tokenizer with these tokens."""

    def __init__(self, names: list[bytes]) -> None:
        self._names = names

    def decoder(self, after: object = ()) -> StreamDecoder:
        return StreamDecoder(lambda token: self._names[token % len(self._names)])


def test_streamed_text_never_splits_a_character_and_leaves_out_the_end(model: Transformer):
    step = next(generate(model, [1], GREEDY, 1))
    steps = [
        type(step)(id=i, logprob=0, probability=1, rank=1, top=(), ends=i == 0)
        for i in (1, 2, 3, 1, 0)
    ]
    assert list(decode_stream(steps, Bytes())) == ["caf", "é", "caf"]
    assert list(decode_stream(steps[:2], Bytes())) == ["caf", "�"]
    assert list(decode_stream(steps[2:3], Bytes(), after=[2])) == ["é"]
