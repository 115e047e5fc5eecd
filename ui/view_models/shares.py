"""What one person may still take of a shared machine, in words, before it is refused."""

from slm import limits
from slm.errors import LimitError
from slm.workshop.limits import Standing
from ui.texts import counted, tr
from ui.view_models.jobs import count, duration, size


def share_sentence(standing: Standing | None) -> str:
    """What holds for whoever looks, and how much is left; empty where nothing is limited."""
    if standing is None:
        return ""
    share = standing.share
    parts = []
    if share.parameters is not None:
        parts.append(
            tr("models up to {parameters} parameters").format(parameters=count(share.parameters))
        )
    if share.steps is not None:
        parts.append(tr("{steps:,} steps").format(steps=share.steps))
    if share.minutes is not None:
        parts.append(tr("{minutes} a turn").format(minutes=duration(60 * share.minutes)))
    if share.disk_mb is not None and standing.disk_left is not None:
        parts.append(
            tr("{disk_left} of {disk_mb} disk left").format(
                disk_left=size(standing.disk_left), disk_mb=size(share.disk_mb * 1e6)
            )
        )
    if standing.places_left is not None:
        parts.append(_places(standing))
    return tr("Your share of this room: {parts}.").format(parts=" · ".join(parts)) if parts else ""


def training_problem(standing: Standing | None, parameters: int, steps: int) -> str | None:
    """Why a training of that size is refused; None when it is not."""
    if standing is None:
        return None
    try:
        limits.require_training(standing.share, parameters, steps)
    except LimitError as error:
        return str(error)
    return start_problem(standing, heavy=True)


def start_problem(standing: Standing | None, *, heavy: bool = False) -> str | None:
    """Why nothing more may be begun now; None when it may."""
    if standing is None:
        return None
    try:
        if heavy:
            limits.require_place(standing.share, standing.works, standing.waits)
        limits.require_disk(standing.share, standing.disk_bytes)
    except LimitError as error:
        return str(error)
    return None


def _places(standing: Standing) -> str:
    left = standing.places_left
    assert left is not None
    if left == 0:
        return tr("no more jobs for now")
    return counted("{n} more job", "{n} more jobs", left)
