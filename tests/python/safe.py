#!/usr/bin/env python3
"""A store with versions behind `kind = "command"`: it keeps all it promises."""

import fcntl
import json
import os
import sys

folder, operation = sys.argv[1], sys.argv[2]
request = json.load(sys.stdin)
path = os.path.join(folder, request["place"])


def end(code, **answer):
    json.dump(answer, sys.stdout)
    sys.exit(code)


if not os.path.exists(path):
    end(11, why="there is no such entry", mend="create it")

lock = open(os.path.join(folder, "lock"), "w")
fcntl.flock(lock, fcntl.LOCK_EX)
with open(path) as text:
    entry = json.load(text)


def store(value):
    entry["versions"].append(value)
    with open(path + ".new", "w") as text:
        json.dump(entry, text)
    os.rename(path + ".new", path)


current = str(len(entry["versions"]) - 1)
if operation in ("write", "restore") and request["version"] != current:
    end(12, why="it has version " + current)
if operation == "check":
    end(0, versions=True, compare_and_set=True, idempotency="by_tag", rollback="native", max_bytes=10_000)
elif operation == "read":
    end(0, value=entry["versions"][-1], version=current, undo=current, identity=entry["id"])
elif operation == "write":
    store(request["value"])
elif operation == "restore":
    store(entry["versions"][int(request["undo"])])
elif operation == "finish":
    pass
else:
    end(14)
