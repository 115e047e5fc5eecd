"""The windows that a validation loss is measured on."""

import torch

from slm.data.batches import TokenFile
from slm.training.validation import evaluation_batches
from slm.workspace import Workspace
from tests.training.small_runs import VOCAB, artefacts


def test_evaluation_windows_spread_over_the_file_within_the_limit(workspace: Workspace):
    tokens = TokenFile(artefacts(workspace)["tokens"].folder / "val.bin")
    batches = list(evaluation_batches(tokens, 16, limit=64, vocab_size=VOCAB))
    ids = torch.cat([ids_BT for ids_BT, _ in batches])
    assert ids.shape == (4, 16)
    assert torch.equal(ids[0], torch.from_numpy(tokens.ids(0, 16)))
    assert torch.equal(ids[-1], torch.from_numpy(tokens.ids(483, 499)))
    whole = list(evaluation_batches(tokens, 16, limit=0, vocab_size=VOCAB))
    assert sum(int((targets_BT >= 0).sum()) for _, targets_BT in whole) == 499
