"""What was written, in words and values that are worked out by hand."""

import math

import numpy as np
import pytest

from slm.sampling.config import SamplingConfig
from slm.sampling.filters import next_token_distribution
from slm.sampling.search import Beam
from slm.sampling.steps import Step
from ui.view_models import written
from ui.view_models.written import alternatives, rivals_of, written_chips

LOGITS_V = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
WORDS = [b"a", b" b", b" ", b"\n"]


def test_what_a_form_does_not_allow_is_cut_by_the_form():
    allowed_V = np.array([False, True, True, False])
    distribution = next_token_distribution(
        LOGITS_V, SamplingConfig(temperature=1, top_k=1), (), allowed_V
    )
    fates = {each.token: each.fate for each in alternatives(distribution, WORDS.__getitem__, 4)}
    assert fates == {
        0: "cut by the form",
        1: "100% in the draw",
        2: "cut by top-k",
        3: "cut by the form",
    }


def test_what_a_form_allows_is_shown_though_the_model_holds_it_for_unlikely():
    allowed_V = np.array([False, False, False, True])
    distribution = next_token_distribution(LOGITS_V, SamplingConfig(), (), allowed_V)
    shown = alternatives(distribution, WORDS.__getitem__, 4, shown=2)
    assert [each.token for each in shown] == [0, 3]


@pytest.mark.parametrize(
    ("has_form", "stopped_by", "told"),
    [
        (True, None, "Done: the text has its form"),
        (False, None, "Done: the length is reached before the text has its form"),
        (False, ".", "Done: the stop string “.” came"),
        (None, None, "Done: the length is reached"),
    ],
)
def test_a_text_of_a_form_tells_whether_it_has_it(has_form, stopped_by, told):
    assert written.ending("done", False, 0, stopped_by, has_form) == told


def test_a_written_token_tells_what_else_was_likely():
    step = Step(
        1,
        math.log(0.25),
        0.4,
        2,
        ((0, 0.5), (1, 0.25), (2, 0.1)),
        ends=True,
        entropy_nats=math.log(4),
        n_kept=3,
        removed=(2,),
    )
    ((chip,), _) = written_chips([step], WORDS.__getitem__, 4)
    assert (chip.text, chip.value) == ("·b", pytest.approx(0.25))
    told = "\n".join(chip.notes)
    assert "gave it 25% (rank 2)" in told
    assert "drawn with 40% after the filters; 3 were left" in told
    assert "instead of a 50%" in told
    assert "cut by the filters: · 10%" in told
    assert "entropy 1.39 nats, as among 4.0 tokens" in told
    assert "end-of-text" in told


def test_tokens_are_coloured_by_rank_or_surprise_too():
    """Rank 2 of 1 to 10 lies at 1/9; 4 of 8 nats in the middle."""
    step = Step(1, -4.0, 0.4, 2, ())
    by_rank, _ = written_chips([step], WORDS.__getitem__, 4, "rank")
    by_surprise, scale = written_chips([step], WORDS.__getitem__, 4, "surprise")
    assert by_rank[0].value == pytest.approx(1 / 9)
    assert (by_surprise[0].value, scale.unit) == (pytest.approx(0.5), "nats")


def test_alternatives_say_what_the_filters_made_of_them():
    """0.5 and 0.3 are left, 5/8 and 3/8 of the draw; the others were cut by top-k."""
    config = SamplingConfig(temperature=1, top_k=2)
    found = alternatives(next_token_distribution(LOGITS_V, config), WORDS.__getitem__, 4, shown=3)
    assert [(each.label, each.fate) for each in found] == [
        ("a 50%", "63% in the draw"),
        ("·b 30%", "38% in the draw"),
        ("· 15%", "cut by top-k"),
    ]


def test_a_token_of_a_search_was_not_drawn_and_its_entropy_may_be_unknown():
    step = Step(1, math.log(0.25), 1.0, 2, ((0, 0.5),))
    ((chip,), _) = written_chips([step], WORDS.__getitem__, 4, "entropy")
    assert chip.value is None and "drawn" not in " ".join(chip.notes)


def test_tokens_are_coloured_by_entropy():
    """Half of 5 nats lies in the middle."""
    step = Step(1, -1.0, 0.4, 2, (), entropy_nats=2.5)
    ((chip,), scale) = written_chips([step], WORDS.__getitem__, 4, "entropy")
    assert (chip.value, scale.unit) == (pytest.approx(0.5), "nats")


def test_alternatives_of_a_search_are_in_no_draw():
    distribution = next_token_distribution(LOGITS_V, SamplingConfig(temperature=1, top_k=0))
    found = alternatives(distribution, WORDS.__getitem__, 4, drawn=False)
    assert {each.fate for each in found} == {"a search draws nothing"}


def test_beams_are_shown_from_where_they_part():
    words = {0: "once ", 1: "upon a time", 2: "upon an end\n"}
    beams = [
        Beam((0, 1), -1.25, -0.625, 0, whole=True),
        Beam((0, 2), -2.0, -1.0, 0),
        Beam((), -2e9, -2e9, 0),
    ]
    found = rivals_of(beams, lambda ids: "".join(words[token] for token in ids))
    assert [(each.text, each.state) for each in found] == [
        ("…a time", "whole"),
        ("…an end⏎", "goes on"),
    ]
    assert (found[0].logprob, found[0].score) == ("-1.25", "-0.625")


def test_a_beam_alone_shows_the_end_of_its_text():
    (only,) = rivals_of([Beam((0,), -1.0, -1.0, 0)], lambda ids: "x" * 100, length=10)
    assert only.text == "…" + "x" * 10


@pytest.mark.parametrize("prompt", ["", "short", "x" * 300])
def test_a_prompt_that_fits_is_shown_whole(prompt):
    assert written.shown_prompt(prompt) == prompt


def test_of_a_long_prompt_its_end_is_shown():
    shown = written.shown_prompt("a" * 1000 + "end")
    assert len(shown) == 300 and shown.startswith("…") and shown.endswith("end")
