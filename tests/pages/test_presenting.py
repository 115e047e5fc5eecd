"""Presenter mode: in the address, on any page, and left again."""

import pytest
from streamlit.testing.v1 import AppTest

from ui import session


@pytest.mark.usefixtures("workspace_env")
def test_a_page_is_large_and_can_be_left_again():
    app = AppTest.from_file(str(session.ROOT / "app.py"), default_timeout=120)
    app.query_params["present"] = "true"
    app.run()
    assert not app.exception and app.toggle(key="present").value
    assert app.button(key="present-fold").label == "Show pickers"
    app.button(key="present-fold").click().run()
    assert app.button(key="present-fold").label == "Fold pickers"
    app.button(key="present-end").click().run()
    assert not app.exception and not app.toggle(key="present").value
    assert "End presenting" not in {button.label for button in app.button}
