"""The verbs that take a choice apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from slm.verbs.common import Context, Result, parse
from slm.verbs.models import RunChoice


@dataclass(frozen=True)
class Choice:
    """Which choice to take apart."""

    prompt: str = "Once upon a time"
    """The text whose next token is chosen."""
    top: int = 10
    """How many likely tokens are told of each stage."""
    draws: int = 100
    """How many tokens are drawn for the tally."""


def anatomy(arguments: Sequence[str], context: Context) -> Result:
    """What each filter makes of the next token's distribution, and what is drawn from it."""
    from slm.lab.anatomy import anatomy_report
    from slm.lab.reports import open_run
    from slm.sampling.config import SamplingConfig

    @dataclass(frozen=True)
    class Anatomy:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        asked: Annotated[Choice, tyro.conf.arg(name="")]
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    given = parse(Anatomy, anatomy, arguments)
    opened = open_run(context.workspace.get_model(given.choice.run), given.choice.step)
    asked = given.asked
    return anatomy_report(opened, asked.prompt, given.sampling, top=asked.top, draws=asked.draws)
