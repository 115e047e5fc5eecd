"""Findings in words, and what their buttons do."""

from typing import get_args

import pytest

from slm.training.config import TrainConfig
from slm.training.findings import Finding, Kind, Remedy
from ui.view_models import glossary
from ui.view_models.doctor import (
    HEADLINES,
    TERMS,
    Patient,
    advices,
    deed_of,
    fork_point,
    settings_in_words,
)

CONFIG = TrainConfig()
RUN = Patient("r1", "first", CONFIG, points=(120, 300, 400), snapshots=(1, 50, 200))
EVIDENCE = {
    "diverged": {"step": 171, "healthy_step": 150, "gradient_norm": 5e4},
    "diverging": {"best_nats": 4.0, "nats": 6.1, "healthy_step": 100},
    "overfitting": {
        **{"best_step": 80, "best_nats": 1.108, "nats": 1.42, "rise": 0.31},
        **{"train_nats": 0.18, "gap": 1.24},
    },
    "rate_high": {"update_ratio": 0.09, "share": 2117.2, "start_nats": 6.92, "top_nats": 98.4},
    "rate_low": {"update_ratio": 0.0005, "way": 0.1, "typical": 0.02},
    "below_baseline": {"nats": 6.2, "unigram_nats": 5.9, "baseline": "unigram"},
    "plateau": {"gain": -0.001, "nats": 3.0, "loss": "validation"},
    "dead_layer": {"layer": 1, "signs": "gradient, share", "since_step": 20},
    "spikes": {"count": 3, "largest": 2.1},
    "undertrained": {"gain": 0.8, "from_step": 100, "to_step": 200, "nats": 2.0},
    "many_epochs": {"epochs": 20.0, "tokens": 2_000_000, "train_tokens": 100_000},
    "no_validation": {"evaluations": 0},
    "few_evaluations": {"evaluations": 2, "evaluate_every": 200},
}


def test_every_kind_of_finding_has_words_and_a_term_of_the_glossary():
    assert set(HEADLINES) == set(TERMS) == set(EVIDENCE) == set(get_args(Kind))
    for kind, evidence in EVIDENCE.items():
        (advice,) = advices([Finding(kind, "warning", 100, 400, evidence)], RUN)
        assert glossary.meaning(advice.term)
        assert advice.steps == "steps 100 to 400"
        for text in (advice.evidence, advice.advice):
            assert text.endswith((".", ")")) and "!" not in text and "None" not in text


def test_a_rate_is_told_by_what_it_did_to_the_model():
    (advice,) = advices([Finding("rate_high", "warning", 8, 220, EVIDENCE["rate_high"])], RUN)
    assert "The loss rose from 6.9 to 98.4 nats" in advice.evidence
    assert "2,117 times as much to the stream" in advice.evidence
    assert "by up to 9.0%" in advice.evidence
    assert advice.color == "orange"


def test_settings_stand_beside_their_old_values():
    told = settings_in_words({"learning_rate": 0.003, "gradient_clip": 2.0}, CONFIG)
    assert told == "Learning rate 0.01 → 0.003, Gradient clip 1 → 2"


def test_a_fork_begins_at_the_last_thing_saved_before_the_trouble():
    remedy = Remedy("fork", {"learning_rate": 0.003}, at_step=250)
    assert fork_point(remedy, RUN) == 200
    deed = deed_of(remedy, RUN)
    assert deed is not None and (deed.way, deed.name) == ("job", "first from 200")
    assert list(deed.argv) == [
        *("train", "--fork=r1", "--at=200", "--name=first from 200", "--learning-rate=0.003")
    ]


def test_where_nothing_was_saved_before_the_trouble_one_starts_anew():
    deed = deed_of(Remedy("fork", {"learning_rate": 0.003}, at_step=40), Patient("r", "n", CONFIG))
    assert deed is not None and (deed.way, deed.settings) == ("form", {"learning_rate": 0.003})


def test_a_longer_training_goes_on_from_before_the_descent_where_that_was_kept():
    remedy = Remedy("extend", {"steps": 800}, at_step=200)
    deed = deed_of(remedy, RUN)
    assert deed is not None and deed.argv[:3] == ("train", "--fork=r1", "--at=120")
    late = deed_of(remedy, Patient("r1", "first", CONFIG, points=(400,)))
    assert late is not None and late.argv == ("train", "--resume=r1", "--steps=800")
    assert "rise again" in late.help


@pytest.mark.parametrize("alive", [True, False])
def test_a_change_says_when_it_holds(alive):
    patient = Patient("r1", "first", CONFIG, alive=alive)
    deed = deed_of(Remedy("change", {"learning_rate": 0.003}), patient)
    assert deed is not None and deed.way == "change"
    assert deed.help.endswith("from its next step on." if alive else "when it goes on.")


def test_what_has_ended_cannot_be_stopped_and_the_demo_has_no_buttons():
    assert deed_of(Remedy("stop", {}, 80), RUN) is None
    shipped = Patient("d", "Demo", CONFIG, read_only=True)
    finding = Finding(
        "rate_low", "warning", 1, 9, EVIDENCE["rate_low"], Remedy("new", {"steps": 9})
    )
    assert advices([finding], shipped)[0].deed is None
