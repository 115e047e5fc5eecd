"""Is there enough text? Tokens against parameters, and what repeated text is worth. No torch.

Knows counts only: N parameters, U different tokens of training text, D tokens read; how
they are counted, others know.

Two findings of others stand behind the verdicts. With a given amount of computing, large
models on web text did best when they read about 20 tokens for each parameter. And text
that is read again is worth less each time: up to about 4 epochs nearly as much as fresh
text, by 16 far less, beyond 40 next to nothing.
"""

from dataclasses import asdict, dataclass
from math import ceil, exp
from typing import Any, Literal

from slm.model.config import ModelConfig, parameter_counts
from slm.training.config import TrainConfig

OPTIMAL_TOKENS_PER_PARAMETER = 20
"""Source: Hoffmann et al. 2022, section 3.4 and table 3 (8.0 B tokens for 400 M parameters)."""

NEAR_OPTIMAL = 2.0
"""How far from the optimum still counts as near it, as a factor either way: the loss is nearly
flat around it (Hoffmann et al. 2022, figure 3). Where exactly to draw the line is our choice."""

REPEATS_SCALE = 15.39
"""R*: after so many repeats, another one is worth 1/e of the first.
Source: Muennighoff et al. 2023, R*_D of the fit of eq. 5 and 6."""

FRESH_EPOCHS = 4
"""Up to so many epochs, repeats are nearly as good as fresh text (Muennighoff et al. 2023)."""

WORN_EPOCHS = 16
"""From about here on, further repeats bring little: R* repeats and the first reading."""

TextVerdict = Literal["plenty", "enough", "tight", "too_little"]
RunVerdict = Literal["short", "near", "long"]


def effective_tokens(unique: float, trained: float) -> float:
    """How many different tokens would have taught as much as `trained` tokens out of `unique`.

    D' = U + U·R*·(1 − e^(−R / R*)), with R = D / U − 1 repeats; D itself within one epoch.

    >>> round(effective_tokens(unique=100, trained=400)), effective_tokens(100, 80)
    (373, 80)

    Source: Muennighoff et al. 2023, eq. 5.
    """
    if trained <= unique:
        return trained
    repeats = trained / unique - 1
    return unique + unique * REPEATS_SCALE * (1 - exp(-repeats / REPEATS_SCALE))


@dataclass(frozen=True)
class Budget:
    """A training in numbers. `tokens_per_step` are targets: padding is not counted."""

    parameters: int
    unique_tokens: int
    tokens_per_step: int
    steps: int

    @property
    def trained_tokens(self) -> int:
        """D: tokens read, repeats included."""
        return self.steps * self.tokens_per_step

    @property
    def epochs(self) -> float:
        """How often the whole text is read."""
        return self.trained_tokens / self.unique_tokens

    @property
    def tokens_per_parameter(self) -> float:
        """D / N, which compute-optimality is about."""
        return self.trained_tokens / self.parameters

    @property
    def effective(self) -> float:
        """D': what the tokens read are worth in different ones."""
        return effective_tokens(self.unique_tokens, self.trained_tokens)

    @property
    def effective_per_parameter(self) -> float:
        """D' / N."""
        return self.effective / self.parameters

    @property
    def unique_per_parameter(self) -> float:
        """U / N: the text, read once."""
        return self.unique_tokens / self.parameters

    @property
    def optimal_tokens(self) -> int:
        """About 20 tokens a parameter."""
        return OPTIMAL_TOKENS_PER_PARAMETER * self.parameters

    @property
    def optimal_steps(self) -> int:
        """Steps that read the optimal number of tokens."""
        return ceil(self.optimal_tokens / self.tokens_per_step)

    @property
    def optimal_epochs(self) -> float:
        """How often the text would be read by then."""
        return self.optimal_tokens / self.unique_tokens

    @property
    def missing_tokens(self) -> int:
        """Further different tokens with which 4 epochs would be about 20 tokens a parameter."""
        return max(0, ceil(self.optimal_tokens / FRESH_EPOCHS) - self.unique_tokens)

    @property
    def fitting_parameters(self) -> int:
        """The largest model for which 4 epochs of this text are 20 tokens a parameter."""
        return FRESH_EPOCHS * self.unique_tokens // OPTIMAL_TOKENS_PER_PARAMETER

    @property
    def text_verdict(self) -> TextVerdict:
        """Whether the text is enough for the model, however long it is trained."""
        if self.optimal_epochs <= 1:
            return "plenty"
        if self.optimal_epochs <= FRESH_EPOCHS:
            return "enough"
        return "tight" if self.optimal_epochs <= WORN_EPOCHS else "too_little"

    @property
    def run_verdict(self) -> RunVerdict:
        """Whether this training is about compute-optimal. What repeats are worth decides when it
        is too short; what they cost, when it is longer than need be."""
        if self.effective_per_parameter < OPTIMAL_TOKENS_PER_PARAMETER / NEAR_OPTIMAL:
            return "short"
        too_long = self.tokens_per_parameter > OPTIMAL_TOKENS_PER_PARAMETER * NEAR_OPTIMAL
        return "long" if too_long else "near"

    def to_json(self) -> dict[str, Any]:
        """Every number and both verdicts."""
        derived = (
            "trained_tokens",
            "epochs",
            "tokens_per_parameter",
            "unique_per_parameter",
            "effective",
            "effective_per_parameter",
            "optimal_tokens",
            "optimal_steps",
            "optimal_epochs",
            "missing_tokens",
            "fitting_parameters",
            "text_verdict",
            "run_verdict",
        )
        return {**asdict(self), **{name: getattr(self, name) for name in derived}}


def budget_of(
    model: ModelConfig, training: TrainConfig, unique_tokens: int, *, filled: float = 1.0
) -> Budget:
    """A training of this model on a text of so many different tokens.

    `filled` is the share of the places in windows that hold a token
    (`slm.tokenizer.documents.filled_share`), 1 where nothing is padded.
    """
    return Budget(
        parameters=sum(parameter_counts(model).values()),
        unique_tokens=unique_tokens,
        tokens_per_step=max(1, round(filled * training.batch_size * model.context_length)),
        steps=training.steps,
    )
