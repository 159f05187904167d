"""What a checkpoint or a store holds is data: nothing its recipe names is called, imported, written."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from datamodules import SequenceData
from elman.bptt import BackpropThroughTime
from elman.cores import Core
from elman.diagnostics import Diagnostic
from elman.errors import BadInput
from elman.inputs import ContextEncoder, Features
from elman.recipes.classes import names
from elman.recipes.recipe import Recipe, parse
from elman.recipes.strict_yaml import dump_yaml, load_yaml
from elman.recipes.trust import Stored, named_packages
from elman.tasks import Schedule, SequenceLoss
from elman.trust import HARMLESS, trusted_packages

TYPED = """\
seed_everything: 3
model:
  core: {class_path: LSTM, init_args: {hidden_size: 4}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
  optimizer: {class_path: Adam, init_args: {lr: 0.01, betas: [0.9, 0.95]}}
  schedule: Cosine
data: {class_path: Text, init_args: {path: text.txt, batch_size: 2, steps: 20}}
trainer: {max_time_steps: 80, accelerator: cpu}
diagnostics: [Cost]
"""
MARK = "sprung"
CODE = f"""\
from pathlib import Path

Path({MARK!r}).touch()


class Evil:
    def __init__(self, *args, **named):
        Path({MARK!r}).touch()


def call(*args, **named):
    Path({MARK!r}).touch()
"""
BAITS: list[Any] = [
    "evilmod.Evil",
    "evilmod.call",
    "os.getcwd",
    "os.system",
    "subprocess.Popen",
    "torch.load",
    "torch.hub.load",
    "torch.jit.load",
    "torch.utils.tensorboard.SummaryWriter",
    "torch.utils.cpp_extension.CUDAExtension",
    "torchmetrics.functional.text.bert._read_csv_from_url",
    "pytorch_lightning.callbacks.LambdaCallback",
    "pytorch_lightning.callbacks.ModelCheckpoint",
    "elman.__main__.main",
    "elman.cli.main",
    "elman.search.workers.trial_process.TrialProcess",
    "datamodules.files.atomic_write",
    {"class_path": "evilmod.Evil", "init_args": {"path": "/etc/hosts"}},
    {"class_path": "evilmod.call"},
    {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", MARK]}},
    {"class_path": "pathlib.Path.touch", "init_args": {"self": MARK}},
    {"class_path": "torch.load", "init_args": {"f": "bait.bin", "weights_only": False}},
    {"class_path": "torch.utils.data.DataLoader", "init_args": {"dataset": ["bait.bin"]}},
    {"class_path": "numpy.load", "init_args": {"file": "bait.bin", "allow_pickle": True}},
    {"class_path": "builtins.open", "init_args": {"file": MARK, "mode": "w"}},
    [{"class_path": "evilmod.Evil"}],
    {"inner": {"class_path": "evilmod.Evil"}},
    "bait.bin",
    "bait.yaml",
    "../bait.yaml",
    "/etc/passwd",
    "http://127.0.0.1:9/x.csv",
    ["bait.yaml"],
    "!!python/object/apply:os.system",
    "${oc.env:HOME}",
    10**20,
    float("nan"),
    None,
    [],
    {},
]
"""What is put where a value stands: callables, modules, classes of other kinds, files, tags, oddities."""
WATCHED = (
    "open",
    "exec",
    "compile",
    "import",
    "socket.",
    "subprocess.",
    "os.",
    "shutil.",
    "ctypes.",
    "pathlib.",
)
QUIET = ("os.listdir", "os.scandir", "os.walk", "os.putenv", "os.unsetenv")


@pytest.fixture
def bait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with what a recipe could name: a module, a recipe, a file."""
    (tmp_path / "evilmod.py").write_text(CODE)
    (tmp_path / "bait.yaml").write_text("class_path: evilmod.Evil\n")
    (tmp_path / "bait.bin").write_bytes(b"\x80\x04")
    (tmp_path / "text.txt").write_text("to be or not to be\n" * 90)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evilmod", raising=False)
    return tmp_path


def stored(values: Any, *, trusted: str = "") -> Stored:
    text = values if isinstance(values, str) else dump_yaml(values)
    return Stored("x.ckpt: its recipe", text, "elman validate x.ckpt", trusted_packages(trusted))


def read(values: Any, *, trusted: str = "", trains: bool = True) -> Recipe:
    return parse("validate", [], base=stored(values, trusted=trusted), trains=trains)


def made(recipe: Recipe) -> None:
    """All that a recipe makes: blocks, diagnostics, callbacks, and what its factories make."""
    parts = recipe.classes()
    recipe.diagnostics()
    recipe.callbacks()
    with suppress(ValueError, RuntimeError):  # of a size or a rate; `make_task` says so in a line
        parts.model.optimizer(parts.model.core(3).parameters())


@pytest.fixture
def resolved(bait: Path) -> dict[str, Any]:
    (bait / "typed.yaml").write_text(TYPED)
    return load_yaml(parse("fit", ["typed.yaml"]).resolved, "typed.yaml")


class Watch:
    """Events of Python that reach beyond the process, while it is on."""

    def __init__(self) -> None:
        self.on, self.events = False, list[str]()
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self.on and event.startswith(WATCHED) and event not in QUIET:
            self.events.append(f"{event} {args[0] if args else ''}")

    @contextmanager
    def __call__(self) -> Iterator[list[str]]:
        self.on, self.events = True, []
        try:
            yield self.events
        finally:
            self.on = False


WATCH = Watch()
KINDS = (
    Core,
    BackpropThroughTime,
    ContextEncoder,
    Features,
    SequenceData,
    SequenceLoss,
    Schedule,
    Diagnostic,
)
PLAIN = str(Path(sys.prefix).resolve())


def allowed(event: str) -> bool:
    """Python compiling a dataclass, reading its own sources, and importing what any recipe may name."""
    kind, _, what = event.partition(" ")
    if kind in ("compile", "exec"):
        return "evil" not in what
    if kind == "import":
        return what.partition(".")[0] in {*HARMLESS, *sys.stdlib_module_names, "jsonargparse", "yaml"}
    library = (
        what.startswith((PLAIN, sys.base_prefix))
        or f"{'/platform/elman/'}" in what
        or "/datamodules/" in what
    )
    return kind == "open" and library


def places(values: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value stands, at any depth."""
    yield at
    if isinstance(values, dict):
        for key, value in values.items():
            yield from places(value, (*at, key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from places(value, (*at, index))


def mutated(values: dict[str, Any], rng: random.Random) -> str:
    """The text of a recipe with a bait somewhere: in a value's place, as a further key, or under a tag."""
    changed = copy.deepcopy(values)
    at = rng.choice([place for place in places(changed) if place])
    holder: Any = changed
    for key in at[:-1]:
        holder = holder[key]
    what = copy.deepcopy(rng.choice(BAITS))
    way = rng.randrange(4)
    if way == 0 and isinstance(holder[at[-1]], dict):
        holder[at[-1]][rng.choice(["config", "dict_kwargs", "class_path", "init_args", "__path__", "x"])] = (
            what
        )
    elif way == 1 and isinstance(holder[at[-1]], dict) and "init_args" in holder[at[-1]]:
        holder[at[-1]]["class_path"] = what if isinstance(what, str) else "evilmod.Evil"
    else:
        holder[at[-1]] = what
    text = dump_yaml(changed)
    if way == 2:
        lines = text.splitlines()
        line = rng.randrange(len(lines))
        if lines[line].endswith(":"):
            lines[line] += rng.choice([" !!python/name:os.system", " !include bait.yaml", " &a"])
        text = "\n".join(lines)
    return text


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 20))])
def test_nothing_stored_is_called_imported_read_or_written(
    resolved: dict[str, Any], bait: Path, seed: int
) -> None:
    rng = random.Random(seed)
    made(read(resolved))
    for kind in KINDS:
        names(kind)  # which imports all of ours that an error may list
    refused = 0
    for number in range(100):
        text = mutated(resolved, rng)
        with WATCH() as events:
            try:
                made(read(text, trains=number % 2 == 0))
            except BadInput:
                refused += 1
        assert [event for event in events if not allowed(event)] == [], text
        assert not Path(MARK).exists(), text
        assert "evilmod" not in sys.modules, text
    assert refused > 50


@pytest.mark.parametrize(
    ("keys", "bait_value", "message"),
    [
        (("model", "core"), {"class_path": "evilmod.Evil"}, "code of the package 'evilmod'"),
        (("model", "core"), {"class_path": "torch.load"}, "'torch.load' is no Core"),
        (("model", "optimizer"), {"class_path": "torch.nn.Linear"}, "'torch.nn.Linear' is no Optimizer"),
        (("model", "core"), {"class_path": "elman.cli.main"}, "'elman.cli.main' is no Core"),
        (
            ("model", "optimizer", "init_args", "lr"),
            {"class_path": "evilmod.call"},
            "model.optimizer.lr: expected float",
        ),
        (("trainer", "threads"), {"class_path": "evilmod.call"}, "trainer.threads: expected"),
        (("data", "init_args", "path"), {"class_path": "evilmod.Evil"}, "data.path: expected"),
        (
            ("callbacks",),
            [{"class_path": "pytorch_lightning.callbacks.EarlyStopping", "init_args": {"monitor": "x"}}],
            "code of the package 'pytorch_lightning'",
        ),
    ],
)
def test_each_place_refuses_by_name(
    resolved: dict[str, Any], keys: tuple[str, ...], bait_value: Any, message: str
) -> None:
    holder: Any = resolved
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = bait_value
    with pytest.raises(BadInput) as refused:
        made(read(resolved))
    assert message in str(refused.value)
    assert "evilmod" not in sys.modules


def test_the_way_out_trusts_a_package(resolved: dict[str, Any], bait: Path) -> None:
    (bait / "my_cells.py").write_text("from elman.cores import GRU\n\n\nclass Mine(GRU):\n    pass\n")
    resolved["model"]["core"] = {"class_path": "my_cells.Mine", "init_args": {"hidden_size": 4}}
    with pytest.raises(BadInput, match=r"if you trust it: elman validate x\.ckpt --trust=my_cells$"):
        read(resolved)
    assert "my_cells" not in sys.modules
    made(read(resolved, trusted="my_cells"))
    sys.modules.pop("my_cells")


def test_what_a_typed_recipe_names_is_trusted(resolved: dict[str, Any], bait: Path) -> None:
    (bait / "my_cells.py").write_text("from elman.cores import GRU\n\n\nclass Mine(GRU):\n    pass\n")
    resolved["model"]["core"] = {"class_path": "my_cells.Mine", "init_args": {"hidden_size": 4}}
    (bait / "over.yaml").write_text("model: {core: {class_path: my_cells.Mine, init_args: {layers: 2}}}\n")
    recipe = parse("validate", ["over.yaml"], base=stored(resolved))
    assert recipe.config.model.core.init_args.layers == 2
    assert set(named_packages(resolved)) == {"elman", "datamodules", "torch", "my_cells"}
    sys.modules.pop("my_cells")


def test_a_stored_recipe_does_not_say_where_to_write(
    resolved: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    resolved["trainer"]["checkpoints"] = "/elsewhere"
    resolved["data"]["init_args"]["cache"] = "/cached"
    recipe = read(resolved)
    assert recipe.config.trainer.checkpoints == "checkpoints"
    assert recipe.config.data.init_args.cache is None
    notes = [record.getMessage() for record in caplog.records]
    assert any("trainer.checkpoints='/elsewhere' is left out" in note for note in notes)
    assert any(note.endswith("add --data.cache=...") for note in notes)
    caplog.clear()
    recipe = parse("rerun", ["--trainer.checkpoints=there", "--data.cache=c"], base=stored(resolved))
    assert (recipe.config.trainer.checkpoints, recipe.config.data.init_args.cache) == ("there", "c")
    assert caplog.records == []


@pytest.mark.parametrize("text", ["my-cells", "a.b", "a;b"])
def test_names_of_packages(text: str) -> None:
    with pytest.raises(BadInput, match="packages to trust have names"):
        trusted_packages(text)
