"""That side of a peer: runs one task at a time as asked on standard input. See client.py."""

import json
import sys
import time

import numpy as np


def load_inputs():
    """The arrays that the other side sent."""
    return np.load(sys.argv[1])


def serve(tasks, results):
    """Run `tasks` (name -> function) when asked, and save what ``results[name]()`` gives."""
    _say(list(tasks))
    for line in sys.stdin:
        request = json.loads(line)
        if "run" in request:
            start = time.process_time()
            tasks[request["run"]]()
            _say(time.process_time() - start)
        else:
            np.save(request["file"], results[request["save"]]())
            _say(None)


def _say(value):
    print("> " + json.dumps(value), flush=True)
