"""How far work is, in words; knows neither Streamlit nor what the work is."""

from collections.abc import Iterable
from dataclasses import dataclass

from slm.jobs import Job, JobStatus
from ui.texts import plural, tr

_WAITS = tr("Nothing is lost; it goes on by itself once it can.")
_STATES = {
    "queued": tr("Waiting"),
    "running": tr("Running"),
    "done": tr("Done"),
    "paused": tr("Paused"),
    "stopped": tr("Stopped"),
    "failed": tr("Failed"),
    "interrupted": tr("Interrupted"),
}


@dataclass(frozen=True)
class JobView:
    """One job ready to show. `problem` is foreign text."""

    headline: str
    detail: str
    fraction: float
    alive: bool
    can_resume: bool
    problem: str | None
    may_force: bool = False


HELD = tr("The presenter holds everybody's work; it begins when the presenter lets it.")


def job_view(name: str, status: JobStatus, *, held: bool = False) -> JobView:
    """What a panel shows of a job; `name` is foreign text and is passed on as it is.

    `held` says that nothing of its owner begins now.
    """
    stage = status.stage
    parts = [f"{stage.name}: {stage.message}" if stage and stage.message else status.message]
    if status.state == "queued" and held:
        parts = [HELD]
    elif status.state == "queued" and status.queue_position:
        ahead = status.queue_position
        parts = [
            plural("{ahead} job is ahead of it", "{ahead} jobs are ahead of it", ahead).format(
                ahead=ahead
            )
        ]
    elif status.state == "queued":
        parts = [tr("starting")]
    if status.stopping:
        parts = [tr("stopping: it saves what is sound first")]
    elif status.stalled:
        silent = duration(status.silent_seconds)
        parts = [
            tr(
                "stalled? No sign of life for {silent}: halted, or the machine slept. {waits}"
            ).format(silent=silent, waits=_WAITS)
        ]
    elif status.remaining_seconds is not None:
        parts.append(
            tr("about {remaining_seconds} left").format(
                remaining_seconds=duration(status.remaining_seconds)
            )
        )
    return JobView(
        headline=f"{_STATES[status.state]}: {name}",
        detail=" · ".join(part for part in parts if part),
        fraction=min(1.0, max(0.0, status.fraction)),
        alive=status.alive,
        can_resume=status.state in {"paused", "stopped", "interrupted", "failed"},
        problem=status.error,
        may_force=status.may_force,
    )


def jobs_to_show(known: Iterable[Job], verb: str, *mine: str | None) -> list[Job]:
    """The visitor's jobs of one verb that run now, and those that they started or saw at work."""
    shown = [job for job in known if job.verb == verb and (job.mine or job.id in mine)]
    return [job for job in shown if job.id in mine or job.status().alive]


def duration(seconds: float) -> str:
    """A length of time as a person says it.

    >>> duration(4), duration(75), duration(600), duration(9000)
    ('4 s', '1 min 15 s', '10 min', '2 h 30 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        minutes, rest = divmod(whole, 60)
        return (
            tr("{minutes} min {rest} s").format(minutes=minutes, rest=rest)
            if rest
            else tr("{minutes} min").format(minutes=minutes)
        )
    if whole < 3600:
        return tr("{whole} min").format(whole=round(whole / 60))
    hours, rest = divmod(whole, 3600)
    return tr("{hours} h {rest} min").format(hours=hours, rest=rest // 60)


def count(number: float) -> str:
    """A count, short: 950, 12.3 k, 4.56 M, 1.10 B.

    >>> count(950), count(12_300), count(4_560_000), count(1.1e9)
    ('950', '12.3 k', '4.56 M', '1.10 B')
    """
    for size, letter, digits in ((1e9, "B", 2), (1e6, "M", 2), (1e4, "k", 1)):
        if number >= size:
            return f"{number / (1e3 if letter == 'k' else size):.{digits}f} {letter}"
    return f"{number:,.0f}"


def size(n_bytes: float) -> str:
    """A number of bytes, short.

    >>> size(512), size(20_480), size(3_500_000), size(2.2e9)
    ('512 B', '20.5 kB', '3.5 MB', '2.2 GB')
    """
    for unit, letter in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.1f} {letter}"
    return f"{n_bytes:.0f} B"
