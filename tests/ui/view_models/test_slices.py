import pytest

from ui.figures.slices import slices_chart
from ui.view_models.slices import document_rows, documents_words, slices_view


def piece(label, nats, tokens):
    return {"label": label, "tokens": tokens, "nats_per_token": nats, "perplexity": 2.0}


def figures(**changes):
    slices = {
        "by_place": [piece("1", 5.0, 10), piece("2", 3.0, 10), piece("3–4", 2.0, 20)],
        "by_frequency": [piece("1–9", 6.0, 5), piece("10–99", 2.0, 35)],
        "by_source": [],
        "frequency_in": "training",
        **changes,
    }
    return {"model": {"nats_per_token": 3.0}, "slices": slices}


def document(number, bits):
    told = {"document": number, "bits_per_byte": bits, "perplexity": 2.0, "tokens": 9}
    return {**told, "begins": "<b>Once", "source": "tale"}


def test_the_first_place_that_is_nearly_the_best_is_named():
    still = slices_view(figures())
    assert still is not None and "uses all that it can see" in still.place_words
    flat = [piece("1", 5.0, 10), piece("2", 2.05, 10), piece("3–4", 2.0, 20)]
    soon = slices_view(figures(by_place=flat))
    assert soon is not None
    assert "behind 2 tokens 2.05" in soon.place_words and "helps it little" in soon.place_words


def test_rare_tokens_are_told_with_their_share():
    view = slices_view(figures())
    assert view is not None
    assert "seen 1–9 times in training take 6.00 nats" in view.frequency_words
    assert "12.5% of the text" in view.frequency_words
    assert [bar.share for bar in view.by_frequency] == [pytest.approx(0.125), pytest.approx(0.875)]


def test_frequencies_of_a_foreign_model_are_those_of_this_text():
    view = slices_view(figures(frequency_in="this text"))
    assert view is not None and view.frequency_title == "times in this text"


def test_measurements_from_before_slices_have_none():
    assert slices_view({"model": {}}) is None
    assert document_rows({}) == ()


def test_documents_are_told_with_how_far_their_ends_lie_apart():
    rows = document_rows({"documents": [document(7, 2.0), document(3, 0.5)]})
    assert [row.document for row in rows] == [7, 3]
    assert documents_words(rows, 2) == (
        "Documents by surprise (all 2). The most surprising takes 2.00 bits a byte, "
        "4.0 times as much as the least."
    )
    assert "2 of 90, from both ends" in documents_words(rows, 90)
    assert documents_words(rows[:1], 1) == ""


def test_names_of_sources_are_escaped_in_charts():
    view = slices_view(figures(by_source=[piece("<b>x", 2.0, 5), piece("y", 1.0, 5)]))
    assert view is not None
    chart = slices_chart(view.by_source, view.mean, "", flat=True)
    assert chart.data[0].y[0] == "&lt;b&gt;x"
