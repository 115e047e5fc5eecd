"""Many texts at once: the same tokens as alone, and each one's troubles are its own."""

import gc
import math
import threading
import time
import weakref

import pytest
import torch
from torch import Tensor

from slm.errors import DataError, DivergedError, JobError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling import batching
from slm.sampling.batching import Batch, Text
from slm.sampling.engine import Engine, engine_for
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import Writing, fit_prompt, generate
from slm.tokenizer.protocol import StreamDecoder

SIZES = {"vocab_size": 12, "n_layers": 2, "n_heads": 2, "n_kv_heads": 1, "d_model": 16, "d_ff": 32}
WILD = SamplingConfig(temperature=1.5, top_k=0)
FAMILIES: dict[str, dict[str, object]] = {
    "ours": {},
    "gpt2": {
        "positions": "learned",
        "norm": "layernorm",
        "mlp": "gelu",
        "bias": "all",
        "qk_norm": False,
    },
    "window": {"window": 5},
}


def make_model(**settings: object) -> Transformer:
    """Two layers, a context of 16, weights large enough to prefer something."""
    torch.manual_seed(0)
    model = Transformer(ModelConfig(context_length=16, **SIZES).replace(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    return model.eval()


@pytest.fixture(scope="module")
def model() -> Transformer:
    return make_model()


def settings_of(number: int) -> SamplingConfig:
    """Different seeds and filters, greedy among them."""
    return [
        WILD,
        SamplingConfig(temperature=0),
        WILD.replace(top_p=0.8),
        WILD.replace(top_k=4, repetition_penalty=1.4),
        WILD.replace(typical_p=0.7, min_p=0.05),
    ][number % 5].replace(seed=number)


def prompt_of(number: int) -> list[int]:
    return [(number + 5 * i) % 12 for i in range(1 + 3 * number % 19)]


def ids_of(steps: object) -> list[int]:
    return [step.id for step in steps]


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_that_come_and_go_get_the_tokens_they_would_get_alone(family: str):
    """20 texts, 6 seats, lengths of 1 to 40 in a context of 16; each in a thread of its own."""
    model = make_model(**FAMILIES[family])
    engine = Engine(model, seats=6, n_threads=1)
    asked = [(prompt_of(n), settings_of(n), 1 + (7 * n) % 40) for n in range(20)]
    written: dict[int, list[int]] = {}

    def write(number: int) -> None:
        time.sleep(0.003 * (number % 7))
        written[number] = ids_of(engine.generate(*asked[number], eos_id=3))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert written == {n: ids_of(generate(model, *asked[n], eos_id=3)) for n in range(20)}


def test_steps_say_what_those_of_generate_say(model: Transformer):
    prompt, config = [1] * 20, WILD.replace(top_k=3)
    alone = list(generate(model, prompt, config, 5, n_top=2))
    beside = list(Engine(model).generate(prompt, config, 5, n_top=2))
    assert "using the last 16" in beside[0].notes[0] == alone[0].notes[0]
    for ours, theirs in zip(beside, alone, strict=True):
        assert (ours.id, ours.rank, ours.ends) == (theirs.id, theirs.rank, theirs.ends)
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-4)
        assert [token for token, _ in ours.top] == [token for token, _ in theirs.top]


class Letters:
    def decoder(self) -> StreamDecoder:
        return StreamDecoder(lambda token: bytes([97 + token]))


def test_a_stop_string_ends_one_text_and_not_its_neighbour(model: Transformer):
    engine = Engine(model, n_threads=1)
    whole = ids_of(generate(model, [1], WILD, 30))
    stop = "".join(chr(97 + i) for i in whole[4:6])
    neighbour = engine.submit([1], WILD, 30)
    stopped = list(engine.generate([1], WILD, 30, stop=(stop,), decoder=Letters().decoder()))
    assert stopped[-1].stopped_by == stop
    assert ids_of(stopped) == whole[: len(stopped)]
    assert ids_of(neighbour.steps()) == whole


def test_a_prompt_of_another_vocabulary_is_refused_at_once(model: Transformer):
    with pytest.raises(DataError, match="Token 12 is outside"):
        Engine(model).submit([12], WILD, 3)


def test_a_text_that_diverges_fails_alone_and_leaves_nothing_behind():
    """Token 9 has no numbers: who reads it fails, even who sits in its row afterwards does not."""
    model = make_model(tie_embeddings=False)
    with torch.no_grad():
        model.token_embedding.weight[9] = math.nan
    config = SamplingConfig(temperature=1, top_k=3, seed=2)  # which never draws token 9
    expected = ids_of(generate(model, [1, 2, 3], config, 12))
    engine = Engine(model, seats=2, n_threads=1)
    neighbour = engine.submit([1, 2, 3], config, 12)
    broken = engine.submit([1, 9, 2, 2, 2, 2, 2, 2, 2], config, 12)
    after = engine.submit([1, 2, 3], config, 12)
    with pytest.raises(DivergedError, match="Model diverged"):
        list(broken.steps())
    assert ids_of(neighbour.steps()) == expected
    assert ids_of(after.steps()) == expected


def test_a_text_that_is_left_gives_its_seat_to_the_next(model: Transformer):
    engine = Engine(model, seats=1, n_threads=1)
    first = engine.submit([1], WILD, 1_000_000)
    second = engine.submit([2], WILD, 3)
    steps = first.steps()
    next(steps)
    assert engine.ahead(first) == 0
    steps.close()
    assert len(list(second.steps())) == 3


def test_who_waits_is_told_how_many_are_ahead_and_may_leave(model: Transformer):
    engine = Engine(model, seats=1, n_threads=1)
    tickets = [engine.submit([1], WILD, 1_000_000) for _ in range(4)]
    next(tickets[0].steps())
    deadline = time.monotonic() + 10
    while engine.ahead(tickets[3]) != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [engine.ahead(ticket) for ticket in tickets[1:]] == [0, 1, 2]
    for ticket in tickets:
        ticket.cancel()
    assert all(list(ticket.steps()) is not None for ticket in tickets[1:])


def test_should_stop_ends_a_text_that_has_not_begun(model: Transformer):
    engine = Engine(model, seats=1, n_threads=1)
    long = engine.submit([1], WILD, 1_000_000)
    assert list(engine.generate([1], WILD, 5, should_stop=lambda: True)) == []
    long.cancel()


def test_a_full_line_says_so(model: Transformer):
    engine = Engine(model, seats=1, line=2, n_threads=1)
    tickets = []
    with pytest.raises(DataError, match="2 texts wait for this model already"):
        for _ in range(6):
            tickets.append(engine.submit([1], WILD, 1_000_000))
    for ticket in tickets:
        ticket.cancel()


def test_nobody_wants_anything_so_the_thread_ends_and_gives_back_its_memory(model: Transformer):
    engine = Engine(model, idle_seconds=0.05, n_threads=1)
    first = ids_of(engine.generate([1], WILD, 5))
    deadline = time.monotonic() + 10
    while engine.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not engine.running
    assert engine._batch._stepper is None
    assert ids_of(engine.generate([1], WILD, 5)) == first


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_leaves_nobody_waiting_and_the_next_text_is_written(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
):
    engine = Engine(model, n_threads=1)
    others = set(threading.enumerate())
    with monkeypatch.context() as broken:
        broken.setattr(batching, "draw", lambda *_: 1 / 0)
        with pytest.raises(JobError, match="broke off"):
            list(engine.generate([1], WILD, 5))
        for thread in set(threading.enumerate()) - others:
            thread.join(timeout=5)  # its traceback belongs to this test
    assert len(list(engine.generate([1], WILD, 5))) == 5


def test_one_engine_for_each_model_and_neither_is_kept():
    model = make_model()
    engine = engine_for(model)
    assert engine_for(model) is engine
    assert engine_for(make_model()) is not engine
    gone = weakref.ref(model)
    del engine, model
    gc.collect()
    assert gone() is None


def test_seats_are_as_many_as_caches_fit_the_memory(model: Transformer):
    """A row takes 2 (keys, values) · 2 layers · 1 head · 8 wide · 16 positions · 4 bytes: 2,048."""
    assert Batch(model, seats=32, memory_bytes=5 * 2048).seats == 5
    assert Batch(model, seats=3, memory_bytes=10**9).seats == 3
    assert Batch(model, seats=32, memory_bytes=0).seats == 1


class Listener:
    """A text and what came of it, without a thread."""

    def __init__(self, prompt: list[int], n_new: int, config: SamplingConfig = WILD) -> None:
        self.ids: list[int] = []
        self.over = False
        fitted = fit_prompt(prompt, 12, 16)
        self.text = Text(
            fitted.ids,
            Writing(fitted, config),
            n_new,
            lambda step: self.ids.append(step.id),
            lambda error: setattr(self, "over", True),
        )


def test_a_long_prompt_is_read_in_slices_while_others_go_on(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
):
    """Slices of 4: of 16 ids all but the last take four turns, in each of which A says a word."""
    monkeypatch.setattr(batching, "SLICE", 4)
    read: list[int] = []
    forward = Transformer.forward

    def watched(self: Transformer, ids_BT: Tensor, *others: object, **named: object) -> Tensor:
        read.append(ids_BT.shape[1])
        return forward(self, ids_BT, *others, **named)

    monkeypatch.setattr(Transformer, "forward", watched)
    batch = Batch(model)
    a, b, c = Listener([1], 9), Listener([*range(12), 1, 2, 3, 4], 3), Listener([2], 3)
    batch.line.append(a.text)
    batch.turn()
    batch.line.extend([b.text, c.text])
    for turn in range(1, 4):
        batch.turn()
        assert (len(a.ids), b.ids, c.ids) == (1 + turn, [], [])
    batch.turn()
    assert (len(a.ids), len(b.ids), len(c.ids)) == (5, 1, 1)
    assert read == [4, 4, 4, 3]


def test_the_cache_grows_with_the_texts_and_never_beyond_the_seats(model: Transformer):
    batch = Batch(model, seats=3)
    listeners = [Listener([1, 2], 20, settings_of(n)) for n in range(5)]
    sizes = []
    for listener in listeners:
        batch.line.append(listener.text)
        batch.turn()
        assert batch._stepper is not None
        sizes.append(batch._stepper.cache.batch_size)
    assert sizes == [1, 2, 3, 3, 3]
    while not batch.is_empty:
        batch.turn()
    assert all(listener.over for listener in listeners)
    for number, listener in enumerate(listeners):
        assert listener.ids == ids_of(generate(model, [1, 2], settings_of(number), 20))
