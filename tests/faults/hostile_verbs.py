"""A process that gives hostile files to the verbs of the command line, and says what came of it.

`python -m tests.faults.hostile_verbs PLAN`: PLAN is a JSON file of `[name, [argument, …]]`; a
line of JSON comes for each. It is a process of its own so that a verb which ends it, hangs, or
eats memory is noticed, and costs the tests nothing.
"""

import contextlib
import io
import json
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from slm.__main__ import main

PATIENCE_SECONDS = 60


def _too_slow(*_: object) -> None:
    raise TimeoutError("it did not end")


def _said(argv: list[str]) -> tuple[object, str]:
    """The exit status and what was written to standard error."""
    heard = io.StringIO()
    status: object
    with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(io.StringIO()):
        try:
            signal.alarm(PATIENCE_SECONDS)
            status = main(argv)
        except SystemExit as ended:
            status = ended.code
        except BaseException:  # noqa: BLE001  a panic of a library is none of Exception
            status = "raised"
            heard.write(traceback.format_exc())
        finally:
            signal.alarm(0)
    return status, heard.getvalue()


def _most_megabytes() -> tuple[float, float]:
    """What this process, and the largest of its children, have used at most."""
    own, theirs = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own, theirs


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _too_slow)
    for each, arguments in json.loads(Path(sys.argv[1]).read_text("utf-8")):
        began = time.monotonic()
        code, words = _said(arguments)
        took = time.monotonic() - began
        mine, children = _most_megabytes()
        told = {"name": each, "status": code, "said": words[-4_000:], "seconds": round(took, 2)}
        line = json.dumps({**told, "own_mb": mine, "children_mb": children})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
