"""The demo that ships with the app is small, sound, and has something to say."""

import pytest

from slm.attention.heads import repetition_scores
from slm.attention.timeline import Timeline
from slm.data.corpus import open_corpus
from slm.data.embedded import tales
from slm.evaluation.cloze import ask
from slm.evaluation.fluency import known_word_share, vocabulary_of
from slm.files import read_json
from slm.lab.reports import OpenedRun, open_run
from slm.model.checkpoint import require_sound, snapshots
from slm.training.runs import REPORT
from slm.workspace import Artefact, Workspace
from ui.session import DEMO

MOST_BYTES = 16_000_000
MOST_PARAMETERS = 600_000


@pytest.fixture(scope="module")
def run() -> Artefact:
    (run,) = Workspace(DEMO).runs.list()
    return run


@pytest.fixture(scope="module")
def opened(run: Artefact) -> OpenedRun:
    return open_run(run)


def test_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= MOST_BYTES


def test_its_model_is_of_the_promised_size(opened: OpenedRun):
    assert opened.model.n_parameters <= MOST_PARAMETERS
    assert opened.model.config.vocab_size == opened.tokenizer.vocab_size == 1_024
    assert opened.model.config.context_length >= 128
    assert not opened.notes


def test_its_snapshots_are_sound_and_tell_how_it_learned(run: Artefact, opened: OpenedRun):
    kept = sorted(snapshots(run.folder), key=lambda reference: reference.step)
    assert len(kept) >= 11
    assert (kept[0].step, kept[-1].step) == (0, opened.step)
    for reference in kept:
        require_sound(reference.folder)
    moments, problems = Timeline(run.folder).moments()
    assert problems == ()
    assert moments[-1].text_nats_NT.mean() < 0.5 * moments[0].text_nats_NT.mean()


def test_what_it_was_made_from_ships_with_it(run: Artefact):
    here = Workspace(DEMO)
    for role, shelf in [
        ("corpus", here.corpora),
        ("tokenizer", here.tokenizers),
        ("tokens", here.tokens),
    ]:
        parent = run.manifest.parents[role]
        assert shelf.get(parent.id).manifest.digest == parent.sha256


def test_nine_of_ten_words_that_it_writes_stand_in_its_corpus(run: Artefact):
    corpus = open_corpus(Workspace(DEMO).corpora.get(run.manifest.parents["corpus"].id))
    vocabulary = vocabulary_of(corpus.texts("train"))
    samples = read_json(run.folder / REPORT)["samples"]
    assert len(samples) == 3
    for sample in samples:
        assert known_word_share(sample, vocabulary, cut_off=True) >= 0.9


def test_one_of_its_heads_is_an_induction_head(run: Artefact, opened: OpenedRun):
    """On random tokens that come twice it looks at what came next the first time."""
    scores = repetition_scores(opened.model, batch_size=48, eos_id=opened.tokenizer.eos_id)
    assert scores["induction"].max() >= 0.5
    assert any("induction" in row for row in read_json(run.folder / REPORT)["heads"])


def test_its_names_stay_the_same_within_a_tale(run: Artefact):
    assert read_json(run.folder / REPORT)["name_consistency"] >= 0.95


def test_it_remembers_who_a_tale_is_about(opened: OpenedRun):
    """Questions about tales that it never read, with four choices each."""
    questions = [q for seed in range(10**6, 10**6 + 12) for q in tales.generate(seed).cloze]
    result = ask(opened.model, opened.tokenizer, questions)
    assert result.by_subject()["who"].accuracy >= 0.9
