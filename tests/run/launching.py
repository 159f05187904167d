"""Starting the product as its users do, in processes that can be stopped and killed."""

import multiprocessing
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import mlflow
import torch
from forked import forget_runs

from elman.commands import names
from elman.tracking.ui import free_port

PRELOADED = [
    "elman.cli",
    *(f"elman.commands.{name}" for name in names()),
    "elman.predict.streaming_model",
    "elman.run.job",
    "docstring_parser",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "toy_data",
]
PYTHONPATH = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
"""What processes that are started need, to find `toy_data` and the elman that is tested."""
PATIENCE_SECONDS = 180.0

TINY = """\
# Does a run that was stopped end as one that was not?
seed_everything: 1
model:
  core: {class_path: LSTM, init_args: {hidden_size: 12, layers: 2, dropout: 0.2}}
  bptt: {class_path: Truncated, init_args: {k1: 13, k2: 29}}
  schedule: {class_path: Cosine}
  embedding: 5
  log_every: 4
data:
  class_path: Text
  init_args: {path: text.txt, cache: cache, batch_size: 4, steps: 60}
trainer:
  max_time_steps: 15000
  val_every: 5000
  checkpoint_every_minutes: 0.002
  progress: false
diagnostics: [{class_path: Samples, init_args: {count: 50}}]
tracking: {system_metrics: false, flush_seconds: 0.05}
"""

ECHO = """\
# Does it say what is wrong?
model:
  core: {class_path: Elman, init_args: {hidden_size: 5}}
  bptt: {class_path: Full}
data: {class_path: Echo, init_args: {lag: 2, steps: 12, batch_size: 2}}
trainer: {max_time_steps: 240, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""
"""A recipe that is done in a moment and needs no file."""

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(PRELOADED)  # importing costs seconds, a fork of what is imported nothing


def wait_until(true, *, seconds=PATIENCE_SECONDS):
    """Ask `true()` until it is; the answer."""
    end = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.005)
    return answer


def default_signals():
    """Handle signals as a program does that a terminal starts: a script's `&` leaves SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _main(words, folder, output, environment, *, killed, most_bytes):
    default_signals()
    forget_runs()
    os.environ.update(environment)
    os.chdir(folder)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    sys.argv = ["elman", *words]
    torch.set_num_threads(1)
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    if killed:
        os.replace = _fatal(*killed)
    from elman.cli import run

    run()


def _fatal(when, name, replace=os.replace):
    """`os.replace`, which ends a checkpoint's writing, as the last thing this process does."""

    def fatal(source, target):
        mine = Path(target).name == name
        if not (mine and when == "before"):
            replace(source, target)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)

    return fatal


class Fit:
    """A running `elman WORDS...` in the current folder.

    Args:
        killed: ("before" or "after", the name of a checkpoint), whose renaming into place ends the process.
        most_bytes: of a file that it may write, as `ulimit -f` sets them.
        environment: what a launcher has set for it.
    """

    count = 0

    def __init__(self, *words, killed=None, most_bytes=None, environment=None):
        Fit.count += 1
        self.file = Path(f"output-{Fit.count}.txt").absolute()
        self.file.touch()
        arguments = ([str(w) for w in words], os.getcwd(), str(self.file), environment or {})
        faults = {"killed": killed, "most_bytes": most_bytes}
        self.process = processes.Process(target=_main, args=arguments, kwargs=faults)
        self.process.start()

    def wait(self):
        """The exit code; minus a signal's number where that ended it."""
        self.process.join(PATIENCE_SECONDS)
        assert self.process.exitcode is not None, f"still running: {self.output}"
        return self.process.exitcode

    def signal(self, number):
        os.kill(self.process.pid, number)

    def until(self, text):
        """Wait until the output holds `text`."""
        wait_until(lambda: text in self.output or not self.process.is_alive())
        assert text in self.output, self.output

    def end(self):
        if self.process.is_alive():
            self.process.kill()
        self.process.join()

    @property
    def output(self):
        return self.file.read_text()


class Ranks:
    """`elman WORDS...` as processes that torchrun has started would run it, without its own process.

    Args:
        count: how many there are.
    """

    def __init__(self, count, *words):
        port = free_port(0)
        self.all = [Fit(*words, environment=self.environment(rank, count, port)) for rank in range(count)]

    @staticmethod
    def environment(rank, count, port):
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
        return {name: str(value) for name, value in {**place, **numbers}.items()}

    def wait(self):
        """The exit codes, by rank."""
        return [each.wait() for each in self.all]

    @property
    def output(self):
        return "".join(each.output for each in self.all)

    def end(self):
        for each in self.all:
            each.end()


class Folder:
    """A working folder with a text in it, and what runs have left there."""

    def __init__(self, path):
        self.path = path
        draw = random.Random(0)
        words = ["net", "cell", "gate", "carry", "time", "loss", "back", "step"]
        text = " ".join(draw.choice(words) for _ in range(800))
        self.write("text.txt", text)
        self.client = mlflow.MlflowClient(f"sqlite:///{path}/mlflow.db")

    def write(self, name, text):
        (self.path / name).write_text(text)
        return name

    def runs(self):
        """All runs, newest first."""
        experiments = [e.experiment_id for e in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, order_by=["attributes.start_time DESC"]))

    def run(self):
        """The only run."""
        (run,) = self.runs()
        return run

    def points(self, run):
        """Every metric point of a run: [(key, step, value)], sorted."""
        keys = self.client.get_run(run.info.run_id).data.metrics
        found = [m for key in keys for m in self.client.get_metric_history(run.info.run_id, key)]
        return sorted((m.key, m.step, m.value) for m in found)

    def checkpoints(self, run=None):
        """The checkpoints of a run, of all runs where none is given, oldest first."""
        return sorted(self.path.glob(f"checkpoints/{run.info.run_id if run else '*'}/step-*.ckpt"))

    def reached(self, run):
        """The time step of a run's last checkpoint; 0 where there is none."""
        return max([0, *(int(path.stem.removeprefix("step-")) for path in self.checkpoints(run))])

    def has_reached(self, run, step):
        return self.reached(run) >= step

    def last(self, run):
        """What the last checkpoint of a run holds."""
        return torch.load(self.checkpoints(run)[-1], weights_only=True)

    def best(self, run):
        """What the best checkpoint of a run holds."""
        return torch.load(self.path / "checkpoints" / run.info.run_id / "best.ckpt", weights_only=True)


def unequal_texts(count):
    """A table of `count` texts of 1 to 9 words, one of which tells its label."""
    draw, lines = random.Random(0), ["text,label"]
    for _ in range(count):
        words, label = [draw.choice("abc") for _ in range(draw.randint(1, 9))], draw.choice(["up", "down"])
        words[draw.randrange(len(words))] = {"up": "good", "down": "bad"}[label]
        lines.append(f"{' '.join(words)},{label}")
    return "\n".join(lines)


def differences(a, b, path=""):
    """Where two nested values differ, if only by a bit of a tensor."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [d for key in a for d in differences(a[key], b[key], f"{path}/{key}")]
    if isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        pairs = enumerate(zip(a, b, strict=True))
        return [d for i, (x, y) in pairs for d in differences(x, y, f"{path}/{i}")]
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        alike = a.dtype == b.dtype and torch.equal(a, b)
    else:
        alike = type(a) is type(b) and a == b
    return [] if alike else [f"{path}: {a} is not {b}"]
