"""Reads data sets as its argument says and prints what came of each, as JSON.

A process of its own, because the Hub's libraries read their settings when imported.
"""

import json
import sys
import time

from slm.data.hub import hub_texts
from slm.errors import SlmError


def outcome(case: dict[str, object]) -> dict[str, object]:
    began = time.monotonic()
    texts: list[str] = []
    result: dict[str, object] = {}
    try:
        result["revision"], stream = hub_texts(**case)
        texts.extend(stream)
    except SlmError as error:
        result["error"] = f"{type(error).__name__}: {error}"
    return {**result, "texts": texts, "seconds": time.monotonic() - began}


if __name__ == "__main__":
    cases = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps({name: outcome(case) for name, case in cases.items()}))
