"""Reading with a model without training it: what evaluation, attention and sampling share.

Sees ids, never text.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt
import torch

from slm.errors import DataError, DivergedError
from slm.model.transformer import Transformer


@contextmanager
def inference(model: Transformer) -> Iterator[None]:
    """Inside, no gradient is kept and nothing drops out; afterwards the model is as it was."""
    was_training = model.training
    if was_training:
        model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        if was_training:
            model.train()


def require_known(ids: npt.NDArray[Any], vocab_size: int) -> None:
    """Raises: DataError for a token outside the vocabulary."""
    if ids.size and (ids.min() < 0 or ids.max() >= vocab_size):
        wrong = int(ids.min() if ids.min() < 0 else ids.max())
        raise DataError(
            f"Token {wrong} is outside this model's vocabulary of {vocab_size:,}. "
            "Use the tokenizer that the model was trained with."
        )


def diverged(what: str) -> DivergedError:
    """The error for a model whose numbers are no numbers any more."""
    return DivergedError(
        f"Model diverged: {what} not finite. "
        "Choose an earlier checkpoint, or train again with a lower learning rate."
    )
