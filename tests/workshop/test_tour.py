"""Every check of the tour is false before something was done, and true after it was."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from slm import files
from slm.errors import DataError
from slm.lab.reports import open_run
from slm.owners import LOCAL_OWNER
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import decode_stream, generate
from slm.training.runs import METRICS
from slm.workshop import progress
from slm.workshop.checks import Asked, Written, check_answer, check_written
from slm.workshop.made import check_made
from slm.workshop.tour import STEP_IDS, STEPS, current_step, find_step, first_open, following
from slm.workspace import Workspace

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def demo() -> Asked:
    """What a visitor looks at who has chosen nothing."""
    workspace = Workspace(DEMO)
    (run,) = workspace.runs.list()
    opened = open_run(run)
    return Asked(opened.model, opened.tokenizer, workspace.corpora.list()[0])


@pytest.fixture()
def empty(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def made(tiny_workspace: Workspace, tmp_path: Path) -> Workspace:
    """The tiny workspace as somebody's own, to be changed."""
    root = tmp_path / "made"
    shutil.copytree(tiny_workspace.root, root)
    return Workspace(root)


def test_the_tour_goes_through_all_seven_chapters_in_order():
    chapters = ["data", "tokenizer", "model", "training", "evaluation", "attention", "sampling"]
    assert list(dict.fromkeys(step.chapter for step in STEPS)) == chapters
    assert min(sum(step.chapter == each for step in STEPS) for each in chapters) >= 2
    assert len(set(STEP_IDS)) == len(STEPS)


@pytest.mark.parametrize("name", ["collect-a-corpus", "train-a-tokenizer", "train-a-first-model"])
def test_what_is_asked_for_is_found_once_it_was_made(name, empty, made):
    step = find_step(name)
    assert not check_made(step, empty).done
    assert check_made(step, made).done


@pytest.mark.parametrize("name", ["collect-a-corpus", "train-a-tokenizer", "train-a-first-model"])
def test_what_somebody_else_made_does_not_count(name, made):
    assert not check_made(find_step(name), made.acting_as("p-0123456789")).done


def test_a_run_that_has_not_done_its_last_step_is_no_trained_model(made):
    (run,) = made.runs.list()
    files.cut_records(run.folder / METRICS, lambda record: record["step"] < 12)
    verdict = check_made(find_step("train-a-first-model"), made)
    assert not verdict.done and "last of its steps" in verdict.said


def test_one_beats_oneself_by_a_lower_loss_on_the_same_tokens(made):
    step = find_step("beat-yourself")
    assert not check_made(step, made).done
    (first,) = made.runs.list()
    second = first.folder.with_name("29990101-000000-abcdef")
    shutil.copytree(first.folder, second)
    manifest = files.read_json(second / "manifest.json")
    manifest |= {"id": second.name, "name": "better", "created": "2999-01-01T00:00:00.000+00:00"}
    files.write_json(second / "manifest.json", manifest)
    assert not check_made(step, made).done  # as good is not better
    records = files.read_records(second / METRICS).records
    (second / METRICS).unlink()
    for record in records:
        files.append_record(second / METRICS, {**record, "val_nats": 0.5})
    assert check_made(step, made).done


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("count-the-held-out", "206", "207"),
        ("find-a-long-token", "banana", "umbrella"),
        ("find-a-dear-text", "afternoon", "🙂"),
        ("find-the-largest-part", "Norms", "Feed-forward"),
        ("count-the-embedding", "1024", "131,072"),
        ("please-the-model", "Quarterly budgets are due.", None),
        ("surprise-the-model", None, "The committee postponed its quarterly budget meeting."),
        ("find-the-induction-head", "0.0", "1.0"),
        ("find-the-previous-token-head", "1.3", "0.0"),
    ],
)
def test_an_answer_is_computed_with_the_model(name, wrong, right, demo):
    opened = "".join(
        decode_stream(
            generate(demo.model, [demo.tokenizer.eos_id], SamplingConfig(temperature=0), 60),
            demo.tokenizer,
        )
    )
    step = find_step(name)
    assert not check_answer(step, wrong or opened.strip(), demo).done
    assert check_answer(step, right or opened.strip(), demo).done


def test_an_answer_that_cannot_be_read_says_why(demo):
    assert "layer.head" in check_answer(find_step("find-the-induction-head"), "that one", demo).said
    assert "no head 7.0" in check_answer(find_step("find-the-induction-head"), "7.0", demo).said
    assert "first" in check_answer(find_step("find-a-long-token"), "  ", demo).said
    assert "10,000" in check_answer(find_step("find-a-dear-text"), "a" * 10_000, demo).said
    with pytest.raises(DataError, match="whole number"):
        check_answer(find_step("count-the-embedding"), "many", demo)


def written(demo: Asked, **settings: float) -> Written:
    """A real text of the demo model."""
    config = SamplingConfig(top_k=0, **settings)
    prompt = demo.tokenizer.encode("Once upon a time")
    steps = list(generate(demo.model, prompt, config, 350, eos_id=None))
    text = "".join(decode_stream(iter(steps), demo.tokenizer, after=prompt))
    logprobs = tuple(step.logprob for step in steps)
    return Written("sampling", config.temperature, text, logprobs)


def test_babbling_and_boring_texts_are_told_from_usual_ones(demo):
    babble, boring = find_step("make-it-babble"), find_step("make-it-boring")
    usual, hot, cold = (written(demo, temperature=each, seed=3) for each in (0.8, 2.0, 0.0))
    assert not check_written(babble, []).done
    assert not check_written(babble, [usual]).done and check_written(babble, [hot, usual]).done
    assert not check_written(boring, [usual]).done and check_written(boring, [cold]).done
    as_if_hot = replace(usual, temperature=2.0)  # the setting alone makes no babble
    assert not check_written(babble, [as_if_hot]).done


def test_progress_is_each_person_s_own_and_outlives_what_it_was_made_with(empty):
    ada, ben = empty.acting_as("p-aaaaaaaaaa"), empty.acting_as("p-bbbbbbbbbb")
    progress.mark_done(ada, "collect-a-corpus")
    progress.go_to_step(ben, "train-a-tokenizer")
    assert progress.read_progress(ada).has_done("collect-a-corpus")
    assert not progress.read_progress(ben).done
    assert first_open(progress.read_progress(ada)).id == "count-the-held-out"
    assert current_step(progress.read_progress(ben)).id == "train-a-tokenizer"
    told = {each.step: each for each in progress.count_room(empty, STEP_IDS)}
    assert len(told["collect-a-corpus"].done) == 1 and len(told["train-a-tokenizer"].now) == 1


def test_a_damaged_record_is_a_beginning(empty):
    progress.mark_done(empty, "collect-a-corpus")
    path = empty.root / "workshop" / "progress" / f"{LOCAL_OWNER}.json"
    for damage in (b"{", b"[]", b'{"done": 3, "at": "../../x", "open": 7}'):
        path.write_bytes(damage)
        held = progress.read_progress(empty)
        assert not held.done and not held.at and not held.open
    assert progress.mark_done(empty, "find-a-long-token").done


def test_the_steps_at_both_ends_have_no_neighbours():
    assert following(STEPS[0], -1) is STEPS[0] and following(STEPS[-1]) is STEPS[-1]


def test_the_held_out_documents_of_ones_own_corpus_count_too(demo: Asked, made: Workspace):
    step, (mine,) = find_step("count-the-held-out"), made.corpora.list()
    held_out = int(mine.details["val"]["documents"])
    assert demo.corpus is not None and held_out != demo.corpus.details["val"]["documents"]
    assert not check_answer(step, str(held_out), demo).done
    also = replace(demo, own_corpora=[mine])
    assert check_answer(step, str(held_out), also).said == (
        f"Yes: {held_out} documents of {mine.name!r} are held out."
    )
    assert check_answer(step, "123456", also).said.endswith(f"Look at the split of {mine.name!r}.")


def test_a_tokenizer_that_learned_from_somebody_elses_corpus_does_not_count(made: Workspace):
    ada = made.acting_as("p-0123456789")
    parent = made.corpora.list()[0]
    with ada.corpora.create("hers", owner="p-0123456789") as corpus:
        (corpus.folder / "text").write_text("a")
    with ada.tokenizers.create("bpe", owner="p-0123456789", parents={"corpus": parent}) as draft:
        (draft.folder / "tokenizer.json").write_text("{}")
    verdict = check_made(find_step("train-a-tokenizer"), ada)
    assert not verdict.done and "a corpus that is not yours. Train one on yours" in verdict.said
    ben = made.acting_as("p-9876543210")
    with ben.tokenizers.create("bpe", owner="p-9876543210", parents={"corpus": parent}) as draft:
        (draft.folder / "tokenizer.json").write_text("{}")
    assert "Save one of your own first" in check_made(find_step("train-a-tokenizer"), ben).said
