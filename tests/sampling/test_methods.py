"""Every way to write a text, on a small model with fixed weights."""

import pytest
import torch

from slm.errors import ConfigError, DataError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.config import SamplingConfig
from slm.sampling.generate import generate
from slm.sampling.methods import Draft, WritingConfig, read_back, write
from slm.sampling.search import BeamConfig, ContrastiveConfig
from slm.sampling.steps import Step
from slm.tokenizer.protocol import StreamDecoder

PROMPT = [3, 1, 4]


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    shape = ModelConfig(
        vocab_size=26, context_length=32, n_layers=2, n_heads=2, d_model=16, d_ff=32
    )
    made = Transformer(shape).eval()
    with torch.no_grad():
        for weights in made.parameters():
            weights.mul_(4 if weights.ndim > 1 else 1)  # opinions strong enough to tell apart
    return made


def letters() -> StreamDecoder:
    return StreamDecoder(lambda token: bytes([97 + token]))


def written(model: Transformer, **settings: object) -> list[Step | Draft]:
    config = WritingConfig(**{"max_new_tokens": 10, **settings})
    return list(write(model, PROMPT, config, decoder=letters))


def test_drawing_gives_the_tokens_that_generate_gives(model: Transformer):
    sampling = SamplingConfig(temperature=1.3, seed=5)
    steps = written(model, sampling=sampling)
    assert [step.id for step in steps] == [s.id for s in generate(model, PROMPT, sampling, 10)]


def test_greedy_leaves_every_filter_but_the_penalty(model: Transformer):
    steps = written(model, method="greedy", sampling=SamplingConfig(top_p=0.1, seed=3))
    assert {step.rank for step in steps} == {1}
    penalised = WritingConfig(method="greedy", sampling=SamplingConfig(repetition_penalty=1.2))
    assert penalised.drawn_with.repetition_penalty == 1.2 and penalised.drawn_with.greedy


def test_one_beam_and_one_candidate_are_greedy(model: Transformer):
    greedy = [step.id for step in written(model, method="greedy")]
    beam = written(model, method="beam", beam=BeamConfig(beams=1))[-1]
    contrastive = written(model, method="contrastive", contrastive=ContrastiveConfig(candidates=1))
    assert list(beam.ids) == greedy == list(contrastive[-1].ids)


def test_the_text_that_beams_found_is_read_back_with_its_own_probability(model: Transformer):
    *turns, last = written(model, method="beam")
    assert len(turns) == 10 and not turns[-1].steps
    total = sum(step.logprob for step in last.steps)
    assert total == pytest.approx(last.rivals[0].logprob, abs=1e-4)
    assert [step.n_kept for step in last.steps] == [0] * 10  # nothing was drawn


def test_reading_back_gives_what_writing_gave(model: Transformer):
    steps = list(generate(model, PROMPT, SamplingConfig(temperature=2, top_k=0, seed=1), 12))
    read = read_back(model, PROMPT, [step.id for step in steps])
    assert [step.rank for step in read] == [step.rank for step in steps]
    for ours, theirs in zip(read, steps, strict=True):
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)
        assert ours.entropy_nats == pytest.approx(theirs.entropy_nats, abs=1e-4)


def test_a_text_that_fills_the_context_is_read_back_to_its_end(model: Transformer):
    read = read_back(model, PROMPT, [7] * (32 - len(PROMPT) + 1))
    assert len(read) == 30


@pytest.mark.parametrize("method", ["sampling", "greedy", "contrastive"])
def test_a_stop_string_ends_a_text(model: Transformer, method: str):
    whole = written(model, method=method)
    ids = [step.id for step in whole if isinstance(step, Step)]
    stop = bytes(97 + token for token in ids[2:4]).decode()
    cut = written(model, method=method, stop=(stop,))
    steps = cut[-1].steps if isinstance(cut[-1], Draft) else cut
    assert steps[-1].stopped_by == stop and len(steps) <= 4


def test_seeds_are_counted_on_and_a_certain_method_has_one():
    drawn = WritingConfig(continuations=3, sampling=SamplingConfig(seed=7))
    assert drawn.seeds() == (7, 8, 9)
    assert drawn.replace(method="beam").seeds() == (7,)
    assert WritingConfig(continuations=3, sampling=SamplingConfig(temperature=0)).seeds() == (0,)


def test_a_search_without_room_says_so_at_once(model: Transformer):
    with pytest.raises(DataError, match="needs room"):
        write(model, [1] * 40, WritingConfig(method="beam"))


@pytest.mark.parametrize("stop", [("",), ("x" * 101,), tuple("abcdefghi")])
def test_stop_strings_that_cannot_be_used_are_refused(stop: tuple[str, ...]):
    with pytest.raises(ConfigError, match="stop"):
        WritingConfig(stop=stop)


def test_stopping_a_search_keeps_what_it_had(model: Transformer):
    asked = iter([False, False, False, True, True])
    config = WritingConfig(method="beam", max_new_tokens=10)
    found = list(write(model, PROMPT, config, should_stop=lambda: next(asked)))
    assert len(found[-1].ids) == 3 and len(found[-1].steps) == 3
