"""What `train --from MODEL` begins with: a model that exists, its shape, a gentle recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slm.errors import ConfigError
from slm.verbs.common import Context, value_of
from slm.workspace import Artefact

if TYPE_CHECKING:
    from slm.model.config import ModelConfig
    from slm.training.config import TrainConfig
    from slm.verbs.models import TrainChoice


@dataclass(frozen=True)
class ToTune:
    """The model to fine-tune, its shape, and the recipe that other settings start from."""

    source: Artefact
    model: "ModelConfig"
    training: "TrainConfig"

    def taken_up(
        self, choice: "TrainChoice", model: Any, training: Any, context: Context
    ) -> Artefact | None:
        """The new run; None when asked to stop before its text is cut into tokens.

        Raises: ConfigError for another shape or tokenizer than the model's, or no corpus.
        """
        from slm.training.finetune import finetune_run

        if model != self.model:
            raise ConfigError(
                f"{self.source.name!r} keeps its shape when it is fine-tuned; leave the model's "
                "settings out, or train a new model without --from."
            )
        if choice.tokenizer:
            raise ConfigError(
                f"{self.source.name!r} reads the tokens of its own tokenizer alone; leave "
                "--tokenizer out."
            )
        if not choice.corpus:
            raise ConfigError("--corpus is missing; name the corpus to fine-tune on.")
        return finetune_run(
            context.workspace,
            self.source,
            context.workspace.corpora.get(choice.corpus),
            training,
            step=choice.at,
            name="" if choice.name == type(choice)().name else choice.name,
            owner=context.owner,
            separator=choice.separator,
            processes=choice.nproc,
            report=context.report,
        )


def to_tune(arguments: Sequence[str], context: Context) -> ToTune | None:
    """The model that --from names; None without it.

    Raises: ConfigError beside --resume or --fork; WorkspaceError when there is no such model.
    """
    from slm.training.config import recipe_for_tuning
    from slm.training.runs import shape_of

    name = value_of("--from", arguments)
    if not name:
        return None
    if value_of("--resume", arguments) or value_of("--fork", arguments):
        raise ConfigError("Choose one of --from, --resume and --fork.")
    source = context.workspace.get_model(name)
    shape = shape_of(source)
    adapters = value_of("--lora-rank", arguments) not in {None, "0"}
    return ToTune(source, shape, recipe_for_tuning(shape, adapters=adapters))
