"""Beam and contrastive search: by hand on a tiny model, beside transformers on a random one."""

import itertools
import math

import pytest
import torch
import transformers
from torch import Tensor

from slm.errors import ConfigError, DataError, DivergedError
from slm.exchange.pretrained import load_model
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate
from slm.sampling.search import (
    BeamConfig,
    ContrastiveConfig,
    beam_search,
    beam_turns,
    contrastive_search,
)

END = 3
GREEDY = SamplingConfig(temperature=0)


def chain(rows: list[list[float]], context_length: int = 12) -> Transformer:
    """A model whose next token depends on the last one alone, by this table of probabilities.

    Each token has a direction of its own, nothing in between adds to it, and the table's
    logarithms read it out.
    """
    size = len(rows)
    model = Transformer(
        ModelConfig(
            vocab_size=size, d_model=8, n_layers=1, n_heads=1, n_kv_heads=1, d_ff=8,
            context_length=context_length, tie_embeddings=False, qk_norm=False,
        )
    )  # fmt: skip
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.final_norm.weight.fill_(1)
        model.token_embedding.weight[:, :size] = torch.eye(size)
        table_VV = torch.tensor(rows).clamp(min=1e-9).log()
        assert model.unembedding is not None
        model.unembedding.weight[:, :size] = table_VV.T / math.sqrt(8)  # RMSNorm: √D · direction
    return model.eval()


def test_a_beam_of_two_finds_what_greedy_misses():
    """Greedy takes 1 (0.6), then 0.4 at best: 0.24. Through 2: 0.4 · 0.9 = 0.36."""
    model = chain([[0, 0.6, 0.4, 0], [0.3, 0.3, 0.4, 0], [0.9, 0.05, 0.05, 0], [1, 0, 0, 0]])
    greedy = beam_search(model, [0], BeamConfig(beams=1), 2)
    assert greedy[0].ids == (1, 2)
    assert math.exp(greedy[0].logprob) == pytest.approx(0.24, abs=1e-4)
    first, second = beam_search(model, [0], BeamConfig(beams=2), 2)
    assert first.ids == (2, 0) and second.ids == (1, 2)
    assert math.exp(first.logprob) == pytest.approx(0.36, abs=1e-4)


def test_every_turn_tells_the_beams_and_whose_they_are():
    model = chain([[0, 0.6, 0.4, 0], [0.3, 0.3, 0.4, 0], [0.9, 0.05, 0.05, 0], [1, 0, 0, 0]])
    first, second, third = beam_turns(model, [0], BeamConfig(beams=2), 3)
    assert [beam.ids for beam in first.beams] == [(1,), (2,)]
    assert [(beam.ids, beam.parent) for beam in second.beams] == [((2, 0), 1), ((1, 2), 0)]
    assert third.beams == () and len(third.whole) == 2


def test_the_length_penalty_chooses_between_a_short_and_a_long_text():
    """Ended at once: ln 0.4 = -0.92. Ended after two more: ln 0.36 = -1.02, -0.34 a token."""
    model = chain([[0, 0.6, 0, 0.4], [0, 0, 0.6, 0.4], [0, 0, 0, 1], [1, 0, 0, 0]])
    by_sum = beam_search(
        model, [0], BeamConfig(beams=2, length_penalty=0, early_stopping="certain"), 5, eos_id=END
    )
    assert by_sum[0].ids == (END,)
    by_mean = beam_search(model, [0], BeamConfig(beams=3, length_penalty=1), 5, eos_id=END)
    assert by_mean[0].ids == (1, 2, END)
    assert by_mean[0].score == pytest.approx(math.log(0.36) / 3, abs=1e-3)


def test_when_a_search_ends_is_a_choice():
    """Ended at once: ln 0.6 = -0.51. The other, ln 0.4 = -0.92, is -0.18 a token after five."""
    model = chain([[0, 0.4, 0, 0.6], [0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    found = {
        when: beam_search(model, [0], BeamConfig(beams=1, early_stopping=when), 5, eos_id=END)
        for when in ("when_full", "likely", "certain")
    }
    assert found["when_full"][0].ids == found["likely"][0].ids == (END,)
    assert found["certain"][0].ids == (1, 1, 1, 1, 1)


def test_as_many_beams_as_there_are_texts_find_the_likeliest_of_all():
    """3 tokens of a vocabulary of 4: 64 texts, all of them weighed by hand."""
    torch.manual_seed(4)
    rows = torch.rand(4, 4).softmax(-1).tolist()
    found = beam_search(chain(rows), [0], BeamConfig(beams=64), 3)
    texts = itertools.product(range(4), repeat=3)
    weighed = {(a, b, c): rows[0][a] * rows[a][b] * rows[b][c] for a, b, c in texts}
    best = sorted(weighed, key=lambda ids: -weighed[ids])
    assert [beam.ids for beam in found[:10]] == best[:10]
    assert len(found) == 64


def test_one_beam_is_greedy(random_model: Transformer):
    greedy = [step.id for step in generate(random_model, [1, 2], GREEDY, 8)]
    assert list(beam_search(random_model, [1, 2], BeamConfig(beams=1), 8)[0].ids) == greedy
    for config in (ContrastiveConfig(candidates=1), ContrastiveConfig(penalty=0)):
        steps = contrastive_search(random_model, [1, 2], config, 8)
        assert [step.id for step in steps] == greedy


@pytest.fixture(scope="module")
def random_model(pair: tuple[transformers.PreTrainedModel, Transformer]) -> Transformer:
    return pair[1]


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[transformers.PreTrainedModel, Transformer]:
    """The same random GPT-2 in transformers and here, sharp enough to prefer something."""
    torch.manual_seed(5)
    config = transformers.GPT2Config(vocab_size=30, n_positions=40, n_embd=16, n_layer=2, n_head=2)
    theirs = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.ndim == 2:
                parameter.mul_(14)
    folder = tmp_path_factory.mktemp("gpt2")
    theirs.save_pretrained(folder)
    return theirs, load_model(folder)


@pytest.mark.parametrize("stopping", [("when_full", True), ("likely", False), ("certain", "never")])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0, -1.0])
def test_beams_are_those_of_transformers(
    pair: tuple[transformers.PreTrainedModel, Transformer],
    stopping: tuple[str, object],
    length_penalty: float,
):
    theirs, ours = pair
    for prompt, beams, eos_id in (([1, 2, 3], 4, 5), ([7], 3, 2), ([9, 9], 5, 11)):
        found = theirs.generate(
            torch.tensor([prompt]), num_beams=beams, num_return_sequences=beams, do_sample=False,
            length_penalty=length_penalty, early_stopping=stopping[1], max_new_tokens=10,
            eos_token_id=eos_id, pad_token_id=0, return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        config = BeamConfig(beams=beams, length_penalty=length_penalty, early_stopping=stopping[0])
        mine = beam_search(ours, prompt, config, 10, eos_id=eos_id)
        for beam, sequence, score in zip(
            mine, found.sequences.tolist(), found.sequences_scores.tolist(), strict=False
        ):
            assert list(beam.ids) == sequence[len(prompt) :][: len(beam.ids)]
            assert beam.score == pytest.approx(score, abs=1e-3)


def test_contrastive_search_is_the_formula_of_the_paper(random_model: Transformer):
    """Each step anew, without a cache: a pass for every candidate, cosines taken one by one."""
    model, ids = random_model, [4, 8, 4]

    def hidden_TD(ids: list[int]) -> Tensor:
        from slm.model.probe import Recorder

        seen = Recorder(["final_norm"])
        model(torch.tensor([ids]), probe=seen)
        return seen.outer("final_norm")[0]

    steps = contrastive_search(model, ids, ContrastiveConfig(candidates=4, penalty=0.5), 12)
    for step in steps:
        with torch.inference_mode():
            p_V = model(torch.tensor([ids]))[0, -1].softmax(-1)
            scores = {}
            for token in p_V.topk(4).indices.tolist():
                states_TD = hidden_TD([*ids, token])
                likeness = max(
                    float(torch.cosine_similarity(states_TD[-1], before_D, dim=0))
                    for before_D in states_TD[:-1]
                )
                scores[token] = 0.5 * float(p_V[token]) - 0.5 * likeness
        told = {candidate.id: candidate.score for candidate in step.candidates}
        assert told == pytest.approx(scores, abs=1e-4)
        assert step.id == max(scores, key=lambda token: scores[token])
        ids.append(step.id)
    assert len(ids) == 15


def test_contrastive_search_leaves_a_loop_that_greedy_is_caught_in():
    """0 leads to 0 (0.6) for ever; its state is like itself, so 1 (0.4) is taken."""
    model = chain([[0.6, 0.4, 0, 0], [0.5, 0, 0.5, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    first = next(contrastive_search(model, [0], ContrastiveConfig(candidates=2, penalty=0.5), 1))
    assert first.id == 1
    same, other = first.candidates
    assert (same.id, same.likeness, same.score) == pytest.approx((0, 1.0, -0.2), abs=1e-3)
    assert (other.id, other.likeness, other.score) == pytest.approx((1, 0.0, 0.2), abs=1e-3)


def test_both_end_with_the_end_of_text_token():
    model = chain([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    steps = list(contrastive_search(model, [0], ContrastiveConfig(candidates=2), 9, eos_id=END))
    assert [step.id for step in steps] == [1, 2, END] and steps[-1].ends
    assert beam_search(model, [0], BeamConfig(beams=1), 9, eos_id=END)[0].ids == (1, 2, END)


def test_a_search_ends_with_the_context_and_needs_room_in_it():
    model = chain([[0.4, 0.6, 0, 0]] * 4, context_length=6)
    assert len(beam_search(model, [0, 1], BeamConfig(beams=2), 99)[0].ids) == 4
    assert len(list(contrastive_search(model, [0, 1], ContrastiveConfig(), 99))) == 4
    with pytest.raises(DataError, match="fills the context of 6"):
        beam_turns(model, [0] * 6, BeamConfig(), 1)
    with pytest.raises(DataError, match="Token 4 is outside"):
        contrastive_search(model, [4], ContrastiveConfig(), 1)


def test_a_search_can_be_stopped_and_asked_for_nothing(random_model: Transformer):
    asked = itertools.count()
    turns = beam_turns(random_model, [1], BeamConfig(), 9, should_stop=lambda: next(asked) >= 2)
    assert len(list(turns)) == 2
    assert beam_search(random_model, [1], BeamConfig(), 0) == ()
    steps = contrastive_search(random_model, [1], ContrastiveConfig(), 5, should_stop=lambda: True)
    assert list(steps) == []


def test_wrong_settings_and_a_diverged_model_are_told():
    with pytest.raises(ConfigError, match="beams is 0"):
        BeamConfig(beams=0)
    model = chain([[0.4, 0.6, 0, 0]] * 4)
    with torch.no_grad():
        model.final_norm.weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="Model diverged"):
        beam_search(model, [0], BeamConfig(), 3)
    with pytest.raises(DivergedError, match="Model diverged"):
        list(contrastive_search(model, [0], ContrastiveConfig(), 3))
