"""What one person may still take of a shared machine, in words, before it is refused."""

from slm import limits
from slm.errors import LimitError
from slm.workshop.limits import Standing
from ui.view_models.jobs import count, duration, size


def share_sentence(standing: Standing | None) -> str:
    """What holds for whoever looks, and how much is left; empty where nothing is limited."""
    if standing is None:
        return ""
    share = standing.share
    parts = []
    if share.parameters is not None:
        parts.append(f"models up to {count(share.parameters)} parameters")
    if share.steps is not None:
        parts.append(f"{share.steps:,} steps")
    if share.minutes is not None:
        parts.append(f"{duration(60 * share.minutes)} a turn")
    if share.disk_mb is not None and standing.disk_left is not None:
        parts.append(f"{size(standing.disk_left)} of {size(share.disk_mb * 1e6)} disk left")
    if standing.places_left is not None:
        parts.append(_places(standing))
    return f"Your share of this room: {' · '.join(parts)}." if parts else ""


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
    if left == 0:
        return "no more jobs for now"
    return "1 more job" if left == 1 else f"{left} more jobs"
