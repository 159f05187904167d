"""Stands in for `elman fit` in a trial: sends the same over the same line, and learns nothing.

`toy.json` of the working folder says how it behaves, by trial: {"seconds": of each step, "rungs": how many,
"dies_at": the rung before which it is killed the first time, "code": with which it ends}. What it has done is
kept beside its recipe, as a checkpoint is.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

PASSED_ON = ("RAY_RAYLET_PID", "CUDA_VISIBLE_DEVICES", "MLFLOW_TRACKING_URI")
recipe = Path(sys.argv[-1])
number = recipe.parent.name.lstrip("0") or "0"
given = json.loads(Path("toy.json").read_text())
how = {**given.get("all", {}), **given.get(number, {})}
line = socket.socket(fileno=int(os.environ["ELMAN_TRIAL_SOCKET"]))
answers = line.makefile("r")
saved = recipe.with_name("saved.json")
done, last = json.loads(saved.read_text()) if saved.exists() else (0, None)
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
recipe.with_name("pid").write_text(str(os.getpid()))
recipe.with_name("where").write_text(" ".join(os.environ.get(name, "none") for name in PASSED_ON))
log = recipe.with_name("log.txt").open("a")


def send(**message):
    line.sendall(json.dumps(message).encode() + b"\n")


def ask(report):
    send(kind="report", **report)
    answer = answers.readline()
    if not answer or stopped:
        raise SystemExit(143)
    if json.loads(answer)["prune"] and report["rung"] < 100 * how.get("rungs", 3):
        raise SystemExit(75)


if last:  # the search may have died before it took it
    ask(last)
for rung in range(done + 1, how.get("rungs", 3) + 1):
    time.sleep(how.get("seconds", 0.0))
    if how.get("dies_at") == rung and done == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if how.get("code"):
        print("Traceback ...\nelman: error: toy.json: this trial cannot run; mend it")
        raise SystemExit(how["code"])
    log.write(f"{rung}\n")
    log.flush()
    figures = {
        "val/bits_per_step": how.get("value", float(number)) + 1 / rung,
        "cost/seconds": 1.0 * rung,
        "cost/core_steps_per_step": 1.0,
    }
    last = {"time_steps": 100 * rung, "rung": 100 * rung, "figures": figures}
    saved.write_text(json.dumps([rung, last]))
    ask(last)
send(kind="end", time_steps=100 * how.get("rungs", 3), figures={})
