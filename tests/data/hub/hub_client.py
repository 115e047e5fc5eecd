"""Answers many requests to the Hub in one process, and prints the records as JSON.

A process of its own, because the Hub's libraries read their settings when imported.
A request with `state_of` goes on from the last place that the named answer told before
its row `rows`.
"""

import json
import sys
from typing import Any

from slm.data.hub import stream as hub_stream
from slm.data.hub.stream import answer


def answers(requests: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = {}
    for case, request in requests.items():
        earlier = told.get(request.pop("state_of", ""), [])
        states = [record["state"] for record in earlier if "state" in record]
        fitting = [state for state in states if state["rows"] <= request.get("rows", 0)]
        if fitting:
            request["state"] = fitting[-1]
        told[case] = list(answer(request))
    return told


if __name__ == "__main__":
    hub_stream._STATE_ROWS = 7
    hub_stream.MAX_DOCUMENT = 40
    sys.stdout.write(json.dumps(answers(json.loads(sys.argv[1]))))
