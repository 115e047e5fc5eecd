"""A film's words, and what the browser is sent of it."""

import numpy as np
import pytest

from slm.lab.filmstrip import Frame
from slm.model.config import ModelConfig
from ui.components.filmstrip import film_payload, rest_of
from ui.components.payload import unpack
from ui.view_models.filmstrip import (
    SOON_SECONDS,
    FilmPlace,
    FilmView,
    FrameView,
    film_seconds,
    film_view,
    painted_rows,
    read_place,
    shorter_note,
    write_place,
)

WORDS = {0: "·the", 1: "·fox", 2: "<b>", 3: "·hen"}


def frame(length: int, token: int, rank: int = 1) -> Frame:
    """Two layers of one head: the first looks at the first token, the second evenly."""
    weights_LHS = np.zeros((2, 1, length), np.float32)
    weights_LHS[0, 0, 0], weights_LHS[1] = 1, 1 / length
    return Frame(
        weights_LHS=weights_LHS,
        token=token,
        own_share=0.25,
        drawn_share=0.5,
        rank=rank,
        entropy_nats=1.0,
        top_ids_K=np.array([1, 2]),
        top_own_K=np.array([0.5, 0.25], np.float32),
        top_drawn_K=np.array([0.5, 0.5], np.float32),
        depth_ids_N=np.array([0, 1, 1]),
        depth_shares_N=np.array([0.9, 0.4, 0.5], np.float32),
        ends=False,
    )


@pytest.fixture()
def film():
    return film_view([frame(2, 1), frame(3, 3, rank=3)], ("·a", "·b"), WORDS.__getitem__)


def test_a_frame_says_what_came_and_how_likely_it_was(film):
    first, second = film.frames
    assert first.fact.startswith("After “·b” came “·fox”, the likeliest: the model gave it 25.0%")
    assert "After “·fox” came “·hen”, number 3 in likelihood" in second.fact


def test_a_drawn_token_that_is_not_among_the_likeliest_gets_a_bar_of_its_own(film):
    first, second = film.frames
    assert [bar.text for bar in first.bars if bar.chosen] == ["·fox"] and len(first.bars) == 2
    assert [bar.text for bar in second.bars if bar.chosen] == ["·hen"] and len(second.bars) == 3
    assert [depth.name for depth in first.depths] == ["embedding", "block 0", "output"]


def test_rows_go_to_the_browser_one_frame_behind_the_other(film):
    header, values = unpack(film_payload(film, place=FilmPlace(1, "all"), layer=1, head=0))
    assert header["tokens"] == ["·a", "·b", "·fox", "·hen"]
    assert header["begin"] == {"at": 1, "painted_by": "all"}
    rows = np.frombuffer(values, "<u2") / 65_535
    assert rows.size == 2 * 2 + 2 * 3
    np.testing.assert_allclose(rows, [1, 0, 0.5, 0.5, 1, 0, 0, 1 / 3, 1 / 3, 1 / 3], atol=1e-5)


def test_a_browser_may_send_anything(film):
    assert rest_of(["1,layer", 1, 0], film) == (FilmPlace(1, "layer"), 1, 0)
    wrong = (None, "1,head", [1], ["1,head", 2, 0], ["1,head", True, 0], [3, 0, 0])
    assert all(rest_of(each, film) is None for each in wrong)
    assert rest_of(["99,head", 0, 0], film) == (FilmPlace(1, "head"), 0, 0)


@pytest.mark.parametrize("place", [FilmPlace(), FilmPlace(3, "layer"), FilmPlace(0, "all")])
def test_a_place_survives_its_link(place):
    assert read_place(write_place(place), 9) == place


@pytest.mark.parametrize("text", ["", "3", "3,x", "-1,head", "²,head", "9999999,head"])
def test_a_place_that_makes_no_sense_is_the_first_frame(text):
    assert read_place(text, 9) == FilmPlace()


def test_a_film_that_does_not_fit_says_whether_context_or_size_ended_it():
    assert "context of 64 is full" in (shorter_note(24, 4, 64, 60) or "")
    assert "no more rows fit" in (shorter_note(24, 4, 640, 60) or "")


def test_the_row_that_paints_a_frame_is_a_heads_or_a_mean():
    """One layer of two heads, a prompt of one token: frames see one key, then two."""
    rows = np.array([65_535, 65_535, 0, 65_535, 65_535, 0], dtype="<u2")
    empty = FrameView("", (), ())
    view = FilmView(("a", "b", "c"), 1, 1, 2, (empty, empty), rows)
    np.testing.assert_array_equal(painted_rows(view, "head", 0, 0), [[1, np.nan], [0, 1]])
    np.testing.assert_array_equal(painted_rows(view, "all", 0, 1), [[1, np.nan], [0.5, 0.5]])


def test_a_film_of_gpt2_keeps_one_waiting_and_one_of_the_demo_does_not():
    gpt2 = ModelConfig(vocab_size=50_257, n_layers=12, n_heads=12, d_model=768)
    assert film_seconds(gpt2, 124_000_000, 64, 24) > SOON_SECONDS
    demo = ModelConfig(vocab_size=1024, n_layers=2, d_model=128)
    assert film_seconds(demo, 500_000, 64, 128) < SOON_SECONDS
