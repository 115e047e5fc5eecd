"""The replay, the tree and the columns mount in a running app."""

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from slm.tokenizer.fast import Tokenizer
    from slm.tokenizer.replay import replay_text
    from ui.components.merge_replay import replay_player
    from ui.components.merge_tree import merge_tree_view
    from ui.components.token_columns import token_columns
    from ui.view_models.comparison import side_by_side_view
    from ui.view_models.merge_tree import tree_drawing
    from ui.view_models.replay import replay_view

    hugs = Tokenizer.train(["hug pug hugs bun"], vocab_size=261)
    view = replay_view(replay_text(hugs, hugs.merges, "hugs"), hugs.merges)
    st.session_state["rests"] = replay_player(view, key="replay")
    tree = tree_drawing(hugs.merges, b"hug")
    assert tree is not None
    merge_tree_view(tree, key="tree")
    token_columns(side_by_side_view({"hugs": hugs}, "hugs"), key="columns")


def test_all_mount_together():
    app = AppTest.from_function(_page, default_timeout=60).run()
    assert not app.exception
    assert len(app.get("bidi_component")) == 3
    assert app.session_state["rests"] is None


def test_where_the_player_rests_is_heard_and_nonsense_is_not():
    app = AppTest.from_function(_page, default_timeout=60).run()
    for sent, heard in ((3, 3), (5, None), (-1, None), (True, None), ("2", None)):
        app.session_state["replay"] = {"merge": sent}
        app.run()
        assert not app.exception and app.session_state["rests"] == heard
