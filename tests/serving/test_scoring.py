"""How likely each token of a prompt is."""

import pytest
import torch

from slm.serving.scoring import prompt_scores


def test_scores_are_those_of_one_reading_of_the_whole_prompt(demo):
    """150 ids are read in slices of 64; each is judged by what stands before it."""
    ids = (demo.tokenizer.encode("Once upon a time there was a fox. ") * 20)[:150]
    scores = prompt_scores(demo.model, ids, 3)
    with torch.inference_mode():
        log_TV = demo.model(torch.tensor([ids]))[0].log_softmax(-1)
    assert len(scores) == 149
    for at, (logprob, top) in enumerate(scores):
        assert logprob == pytest.approx(float(log_TV[at, ids[at + 1]]), abs=1e-4)
        assert top[0][1] == pytest.approx(float(log_TV[at].max()), abs=1e-4)


def test_one_token_has_nothing_before_it(demo):
    assert prompt_scores(demo.model, [5], 3) == []
