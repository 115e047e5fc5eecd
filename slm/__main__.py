"""`python -m slm VERB`: every chapter without a browser, from the same settings.

Results go to standard output (`--json` for machines), progress to standard
error. Exit status: 0 done, 1 a mistake that the user can mend (one sentence), 2
a wrong command line. With `--job ID` the same verb runs as a job of the app.
The verbs themselves are in `slm/verbs/`.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from slm import jobs, processes
from slm.errors import JobError, SlmError
from slm.utf8 import without_controls
from slm.verbs import (
    advice,
    circuits,
    classroom,
    data,
    evaluating,
    experiments,
    looking,
    model,
    models,
    moving,
    planning,
    sampling,
    serving,
    sharing,
    sources,
    taking_out,
    telling,
    tokenizer,
    weights,
    workshop,
)
from slm.verbs.common import Common, Context, Result, TerminalReporter, Verb, verb_name

_KEPT_LENGTH = 2_000  # characters of JSON
_LINE = 90  # characters; longer lists go one below the other

VERBS: Mapping[str, Verb] = {
    verb_name(verb): verb
    for verb in (
        sources.sources,
        sources.hub,
        sources.downloads,
        data.preview,
        data.prepare,
        data.clean,
        data.explore,
        data.search,
        data.leakage,
        tokenizer.tokenize,
        tokenizer.import_tokenizer,
        tokenizer.merges,
        tokenizer.vocabulary,
        tokenizer.compare,
        model.model,
        planning.windows,
        planning.budget,
        planning.rate,
        advice.find_rate,
        models.train,
        models.change,
        advice.doctor,
        experiments.sweep,
        experiments.race,
        models.evaluate,
        evaluating.copying,
        evaluating.calibration,
        evaluating.tasks,
        evaluating.shannon,
        evaluating.report,
        models.generate,
        sampling.write,
        sampling.anatomy,
        sampling.branches,
        sampling.grid,
        models.attention,
        circuits.lens,
        circuits.patch,
        circuits.ablate,
        weights.cell,
        weights.filmstrip,
        looking.walk,
        looking.timeline,
        models.build,
        moving.import_,
        taking_out.export,
        taking_out.prove,
        telling.notebook,
        telling.tensorboard,
        serving.serve,
        classroom.tour,
        classroom.challenge,
        classroom.enter,
        classroom.question,
        workshop.open_room,
        sharing.limits,
        sharing.line,
        workshop.take_home,
        workshop.open_archive,
        workshop.close_class,
    )
}
"""Every verb by its name on the command line, in the order of the chapters."""


def main(arguments: Sequence[str]) -> int:
    """Run one verb; gives the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if not arguments or arguments[0] in {"-h", "--help"}:
        _print_usage()
        return 0 if arguments else 2
    verb, rest = arguments[0], list(arguments[1:])
    if verb not in VERBS:
        print(f"There is no verb {verb!r}; there are: {', '.join(VERBS)}.", file=sys.stderr)
        return 2
    common, rest = _split_common(verb, rest)
    try:
        result = _run_as_job(verb, rest, common) if common.job else _run(verb, rest, common)
    except SlmError as error:
        print(without_controls(str(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was saved stays.", file=sys.stderr)
        return 130
    if common.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    elif result:
        print(without_controls("\n".join(_lines(result))))
    return 0


def _run(verb: str, arguments: Sequence[str], common: Common) -> Result:
    return VERBS[verb](arguments, Context(common, TerminalReporter()))


def _run_as_job(verb: str, arguments: Sequence[str], common: Common) -> Result:
    from slm.worker import working

    assert common.job is not None
    job = jobs.get_job(common.open(), common.job)
    if job is None:
        raise JobError(f"There is no job {common.job!r} in this workspace.")
    processes.give_way()  # pages answer while jobs work
    with working(job) as report:
        if report.should_stop():
            return report.result
        context = Context(common, report, job.owner, report.result)
        report.result.update(_small(VERBS[verb](arguments, context)))
    if job.held:
        jobs.stand_in_line_again(common.open(), job)
    return report.result


def _split_common(verb: str, arguments: list[str]) -> tuple[Common, list[str]]:
    """The flags that every verb has, and the rest."""
    values: dict[str, Any] = {}
    rest = []
    pending = iter(arguments)
    known = {f"--{item.name}" for item in fields(Common)}
    for argument in pending:
        name, _, value = argument.partition("=")
        if name not in known:
            rest.append(argument)
        elif name == "--json":
            values["json"] = True
        else:
            values[name[2:]] = value or next(pending, "")
    if values.get("workspace") is not None:
        values["workspace"] = Path(values["workspace"])
    return Common(**values), rest


def _small(result: Result) -> Result:
    """What of a result is worth keeping in a job's status: figures, no long texts or lists."""
    return {key: value for key, value in result.items() if len(json.dumps(value)) <= _KEPT_LENGTH}


def _lines(result: Mapping[str, Any], indent: str = "") -> list[str]:
    r"""A result for a reader: a line a figure, what has parts indented below its name.

    >>> _lines({"hits": [{"document": 1, "before": "a\nb"}], "loss": 0.12345, "twins": ()})
    ['hits:', '  - document: 1', '    before: a⏎b', 'loss: 0.1235', 'twins: none']
    """
    lines = []
    for key, value in result.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list | tuple) and not _fits_a_line(value):
            lines.append(f"{indent}{key}:")
            for each in value:
                parts = (
                    _lines(each, indent + "    ")
                    if isinstance(each, Mapping)
                    else [indent + "    " + _on_a_line(each)]
                )
                lines += [f"{indent}  - {parts[0].lstrip()}", *parts[1:]]
        else:
            shown = _plain(value)
            lines.append(f"{indent}{key}: {shown.replace(chr(10), '⏎') if indent else shown}")
    return lines


def _fits_a_line(values: Sequence[Any]) -> bool:
    deep = any(isinstance(each, Mapping | list | tuple) and each for each in values)
    return not deep and len(_plain(values)) <= _LINE


def _on_a_line(value: Any) -> str:
    line = " ".join(_plain(value).split())
    return line if len(line) <= 2 * _LINE else line[: 2 * _LINE] + "…"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    if value is None or value == {}:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_usage() -> None:
    width = max(len(verb) for verb in VERBS)
    print("python -m slm VERB [--help]\n")
    print("\n".join(f"  {verb:{width}}  {VERBS[verb].__doc__}" for verb in VERBS))


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)
