"""From score to weight, as a visitor uses it."""

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.conftest import OpenPage
from ui.components.payload import unpack


def drawn(app: AppTest):
    """The header and all numbers, as they go to the browser."""
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("cell")
    ]
    header, values = unpack(element.bytes)
    return header, np.frombuffer(values, "<f4")


def weights(header, numbers):
    n, width = len(header["tokens"]), header["width"]
    at = (len(header["vectors"]) + 1) * width + 2 * n
    return numbers[at : at + n]


def test_it_opens_on_the_strongest_key_of_a_head(open_page: OpenPage):
    app = open_page("attention", view="cell")
    assert not app.exception and not app.error
    header, numbers = drawn(app)
    row_S = weights(header, numbers)
    assert row_S.argmax() == header["key"]
    np.testing.assert_allclose(row_S.sum(), 1, atol=1e-5)


def test_the_address_reproduces_the_cell(open_page: OpenPage):
    app = open_page(
        "attention", view="cell", text="Ben saw Ben", layer="1", head="0", query="2", cell_key="1"
    )
    header, _ = drawn(app)
    assert (header["query"], header["key"]) == (2, 1)
    code = next(each.value for each in app.code if "open_run(" in each.value)
    assert "layer=1, head=0" in code and "vectors.row(2)" in code
    compile(code, "shown", "exec")


def test_a_place_that_the_text_lacks_is_let_go(open_page: OpenPage):
    app = open_page(
        "attention", view="cell", text="Ben saw", layer="9", query="5000", cell_key="700"
    )
    assert not app.exception and not app.error
    header, _ = drawn(app)
    assert header["query"] < len(header["tokens"])


def test_empty_text_and_one_token_get_a_calm_sentence(open_page: OpenPage):
    app = open_page("attention", view="cell")
    app.text_area(key="text").set_value("").run()
    assert "Type a text" in app.info[0].value
    app.text_area(key="text").set_value("a").run()
    assert "single token" in app.info[0].value
    assert not app.exception and not app.error
