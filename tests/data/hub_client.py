"""Answers many requests to the Hub in one process, and prints the records as JSON.

A process of its own, because the Hub's libraries read their settings when imported.
"""

import json
import sys

from slm.data.hub_stream import answer

if __name__ == "__main__":
    requests = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps({case: list(answer(requests[case])) for case in requests}))
