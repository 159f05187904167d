"""Stand-ins for the processes of a group's runs."""

import json
import socket
import threading
import time

import launching

from elman.run.protocol import RUN_ID_VARIABLE, SOCKET_VARIABLE

ECHO = """\
# Does it repeat a bit?
model:
  core: {class_path: Elman, init_args: {hidden_size: 12, init: torch}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.02}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12, batch_size: 16}}
trainer: {max_time_steps: 4000, val_every: 1000, accelerator: cpu}
tracking: {system_metrics: false, flush_seconds: 0.1, experiment: echo}
"""


def _child(words, home, output, run_id, line):
    environment = {SOCKET_VARIABLE: str(line.fileno()), RUN_ID_VARIABLE: run_id}
    launching._main(words, home, output, environment, killed=None, most_bytes=None)


class ForkedRun:
    """A run as `TrialProcess` starts it, forked from what is imported already."""

    def __init__(self, recipe, output, *, run_id, lease, program, home, receive):
        self.run_id, self.lease, self.output, self.ended_in_order = run_id, lease, output, False
        self.connection, theirs = socket.socketpair()
        words = [*program[program.index("fit") :], str(recipe)]
        self._process = launching.processes.Process(
            target=_child, args=(words, str(home), str(output), run_id, theirs)
        )
        self._process.start()
        theirs.close()
        self._receive = receive
        threading.Thread(target=self._read, daemon=True).start()

    def answer(self, **message):
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def stop(self):
        self._process.terminate()

    def kill(self):
        self._process.kill()

    def wait(self):
        self._process.join(60)
        self.connection.close()
        return self._process.exitcode

    def reason(self):
        return self.output.read_text().strip().splitlines()[-1].removeprefix("elman: error: ")

    def _read(self):
        with self.connection.makefile("r") as lines:
            for line in lines:
                self._receive(json.loads(line))
        self._receive(None)


class ToyRun:
    """A run that does what its seed's script says: reports, then ends with a code.

    Args:
        scripts: by member, the exit codes of its starts, one after another; 0 ends well.
    """

    def __init__(self, scripts, client, began):
        self.scripts, self.client, self.began = scripts, client, began

    def __call__(self, recipe, output, *, run_id, lease, program, home, receive):
        return _Started(self, run_id, lease, program, receive)


class _Started:
    def __init__(self, toy, run_id, lease, program, receive):
        self.run_id, self.lease, self.ended_in_order = run_id, lease, False
        self._toy, self._receive, self.stopped = toy, receive, threading.Event()
        self.member = toy.client.get_run(run_id).data.tags["elman.member"]
        script = toy.scripts[self.member]
        self.code = script.pop(0) if script else 0
        toy.began.append((self.member, list(program)))
        toy.client.update_run(run_id, "RUNNING")
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self):
        if self.code != 2:
            self._receive({"kind": "report", "time_steps": 10, "rung": 10, "figures": {}})
        while self.code == "long" and not self.stopped.wait(0.01):
            time.sleep(0)
        if self.code == 0:
            self._toy.client.log_metric(self.run_id, "val/mse", 1.0 + int(self.member.split()[-1]), step=10)
            self._toy.client.set_terminated(self.run_id, "FINISHED")
        self._receive(None)

    def answer(self, **message):
        assert message == {"prune": False}

    def stop(self):
        self.stopped.set()

    def kill(self):
        self.stopped.set()

    def wait(self):
        return 143 if self.code == "long" else self.code

    def reason(self):
        return "the file is not there"


def group_runs(client, experiment="echo"):
    """(the group's run, its members' by which they are)."""
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    (own,) = [run for run in found if "elman.varies" in run.data.tags]
    members = [run for run in found if "elman.member" in run.data.tags]
    assert {run.data.tags["mlflow.parentRunId"] for run in members} <= {own.info.run_id}
    assert len({run.data.tags["elman.member"] for run in members}) == len(members)
    return own, {run.data.tags["elman.member"]: run for run in members}
