"""What of a model can be had elsewhere, in words."""

from pathlib import Path

import pytest

from slm.exchange.cells import code, words
from slm.exchange.notebook import Story
from slm.workspace import Artefact, Manifest
from ui.view_models.taking_along import (
    is_of,
    story_lines,
    story_view,
    tensorboard_argv,
    tensorboard_command,
)

RUN = Artefact(Path("runs/x"), Manifest("20261122-124015-e64f6b", "My run", "runs"))
MODEL = Artefact(Path("models/x"), Manifest("20261122-124015-aaaaaa", "GPT-2", "models"))


def story(repeated: bool = True, gaps: tuple[str, ...] = ()) -> Story:
    return Story("My run", (words("# It"), code("x = 1")), repeated, gaps)


def test_files_are_named_for_the_run():
    view = story_view(RUN, story(), "all")
    assert (view.notebook_name, view.script_name) == ("my-run-e64f6b.ipynb", "my-run-e64f6b.py")
    assert view.script == "# %% [markdown]\n# # It\n\n# %%\nx = 1\n"


@pytest.mark.parametrize(
    ("model", "repeated", "part", "begins"),
    [
        (RUN, True, "all", "It makes the run again"),
        (RUN, False, "all", "The run cannot be made again"),
        (RUN, True, "use", "It opens the model as it is here, measures"),
        (MODEL, True, "all", "It brings the model in again"),
        (MODEL, False, "all", "It opens the model as it is here: where"),
    ],
)
def test_the_first_sentence_says_what_the_files_do(model, repeated, part, begins):
    assert story_view(model, story(repeated), part).sentence.startswith(begins)


def test_what_stands_in_the_way_of_training_is_no_matter_to_who_does_not_train():
    told = story(gaps=("A file is gone.",))
    assert story_view(RUN, told, "all").gaps == "- A file is gone."
    assert story_view(RUN, told, "use").gaps == ""


def test_headings_are_small_and_comments_in_code_stay():
    told = Story("t", (words("# t"), words("## Data\n\nText"), code("# x\ny = 1")), True, ())
    assert [cell.text for cell in story_view(RUN, told, "all").cells] == [
        "##### Data\n\nText",
        "# x\ny = 1",
    ]


def test_a_writer_is_that_of_its_run():
    argv = tensorboard_argv(RUN, alive=True)
    assert argv == ["tensorboard", "--run=20261122-124015-e64f6b", "--live=True"]
    assert is_of(argv, RUN) and not is_of(argv, MODEL)


def test_commands_are_ready_to_paste():
    assert tensorboard_command(Path("my files/t")) == "tensorboard --logdir 'my files/t'"
    compile(story_lines("w's", RUN, "use"), "lines", "exec")
