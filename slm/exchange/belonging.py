"""Whether a tokenizer belongs to a model, asked at both doors."""

from slm.errors import CheckpointError
from slm.model.config import ModelConfig


def require_belongs(config: ModelConfig, vocab_size: int) -> None:
    """Fewer tokens than the model has room for is usual (padding); more cannot be.

    Raises: CheckpointError for a tokenizer of another model.
    """
    if vocab_size > config.vocab_size:
        raise CheckpointError(
            f"The tokenizer has {vocab_size:,} tokens and the model knows "
            f"{config.vocab_size:,}; use the tokenizer that the model was trained with."
        )
