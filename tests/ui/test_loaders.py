"""What the server keeps in memory for all visitors."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import streamlit as st

from slm.workspace import Workspace
from ui import loaders

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture(autouse=True)
def nothing_kept():
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def test_a_model_is_in_memory_once_however_many_open_it_at_the_same_time(tmp_path):
    (run,) = Workspace(tmp_path, read_only=[DEMO]).runs.list()
    begin = threading.Barrier(8)

    def open_run():
        begin.wait()
        return loaders.load_run(run).model

    with ThreadPoolExecutor(8) as visitors:
        models = [each.result() for each in [visitors.submit(open_run) for _ in range(8)]]
    assert all(model is models[0] for model in models)


def test_what_differs_only_behind_an_underscore_is_the_same_question():
    computed = []

    @loaders.shared_answer()
    def count(ids_T, step, _model):
        computed.append((ids_T, step, _model))
        return (sum(ids_T), step)

    assert count((1, 2), 5, "one loaded model") == (3, 5)
    assert count((1, 2), step=5, _model="the same, loaded anew") == (3, 5)
    assert count((1, 2), 6, "one loaded model") == (3, 6)
    assert computed == [((1, 2), 5, "one loaded model"), ((1, 2), 6, "one loaded model")]


def test_two_functions_that_ask_alike_have_answers_of_their_own():
    @loaders.shared_answer()
    def double(number):
        return 2 * number

    @loaders.shared_answer()
    def triple(number):
        return 3 * number

    assert (double(4), triple(4), double(4)) == (8, 12, 8)
