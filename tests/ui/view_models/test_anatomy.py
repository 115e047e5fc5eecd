"""One choice, stage by stage, on four tokens whose numbers are worked out by hand."""

import numpy as np
import pytest

from slm.sampling.config import SamplingConfig
from slm.sampling.filters import next_token_distribution
from ui.view_models.anatomy import Anatomy, anatomy_of, came_sentence, draw_sentence, prompt_chips

LOGITS_V = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
WORDS = [b"a", b" b", b"<c>", b"\n"]


def seen(numbers: tuple[float, ...] = (0.0,), shown: int = 18, **settings: object) -> Anatomy:
    config = SamplingConfig(**{"temperature": 1, "top_k": 0, **settings})
    distribution = next_token_distribution(LOGITS_V, config)
    return anatomy_of(distribution, config, numbers, WORDS.__getitem__, 4, shown=shown)


def test_every_filter_is_a_column_and_those_that_are_off_say_so():
    acting = {column.name: column.acts for column in seen(top_k=2).columns_S}
    assert next(iter(acting)) == "model" and len(acting) == 7
    assert [name for name, acts in acting.items() if acts] == ["model", "top_k"]


def test_what_is_left_is_shared_out_anew_and_what_is_cut_is_marked():
    """Of 0.5 and 0.3, 5/8 and 3/8 are left; 0.15 + 0.05 are cut."""
    column = next(each for each in seen(top_k=2).columns_S if each.name == "top_k")
    assert column.shares_N == (pytest.approx(0.625), pytest.approx(0.375), -1.0, -1.0)
    assert (column.kept, column.cut, column.setting) == ("2 of 4", "20%", "2")


def test_tokens_that_are_not_shown_stand_together():
    column = seen(shown=2).columns_S[0]
    assert column.share_others == pytest.approx(0.2)
    cut = next(each for each in seen(shown=2, top_k=2).columns_S if each.name == "top_k")
    assert cut.share_others == -1.0


def test_the_line_lies_in_the_order_of_ids_and_the_number_falls_on_its_token():
    """0.5, 0.8 and 0.95 part the line; 0.81 lies in the third stretch."""
    found = seen(numbers=(0.81,))
    ends = [segment.end for segment in found.segments]
    assert ends == pytest.approx([0.5, 0.8, 0.95, 1.0])
    assert (found.drawn, found.drawn_place) == ("<c>", 2)
    assert draw_sentence(found, 7, 0) == "Number 1 of seed 7 is 0.810: it falls on “<c>”."


def test_narrow_neighbours_are_one_stretch():
    shares = np.array([0.5, *[0.001] * 100, 0.4], dtype=np.float32)
    config = SamplingConfig(temperature=1, top_k=0)
    distribution = next_token_distribution(np.log(shares), config)
    found = anatomy_of(distribution, config, (0.0,), lambda token: b"x", 102)
    assert [segment.token for segment in found.segments] == [0, None, 101]
    assert found.segments[1].end == pytest.approx(0.6, abs=1e-4)


def test_the_tally_counts_the_draws_of_each_token():
    found = seen(numbers=(0.1, 0.2, 0.6, 0.9, 0.99), shown=2)
    assert found.counts_N == (2, 1) and found.count_others == 2


def test_greedy_and_temperature_are_told_apart():
    assert seen(temperature=0).columns_S[2].setting == "0, greedy"
    assert seen(temperature=2).columns_S[2].setting == "÷ 2"


def test_columns_follow_the_order_of_filters():
    order = ("top_k", "repetition_penalty", "temperature", "top_p", "min_p", "typical_p")
    names = [column.name for column in seen(order=order).columns_S]
    assert names == ["model", *order]


def test_what_the_text_has_there_is_told_with_what_became_of_it():
    """The third of four, 0.15; top-k 2 cuts it, top-k 3 leaves it 0.15 of 0.95."""

    def told(top_k: int) -> str:
        config = SamplingConfig(temperature=1, top_k=top_k)
        distribution = next_token_distribution(LOGITS_V, config)
        return came_sentence(distribution, 2, WORDS.__getitem__, 4)

    assert told(2) == "In the text “<c>” follows: the model gave it 15% (rank 3), cut by top-k."
    assert told(3).endswith("(rank 3), 16% in the draw.")


def test_a_prompt_is_shown_as_its_tokens_also_one_that_the_tokenizer_lacks():
    first, unknown = prompt_chips((1, 9), WORDS.__getitem__, 4)
    assert (first.text, unknown.id) == ("·b", 9)
