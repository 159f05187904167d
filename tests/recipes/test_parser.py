"""What a recipe and options become, and the one line a mistake becomes."""

import logging

import pytest
import recipe_toys as toys
import recipe_twins  # noqa: F401  # makes the name Twin ambiguous
import torch

from elman.errors import BadInput
from elman.recipes.arguments import rewrite
from elman.recipes.parser import RecipeParser, minimal, resolved
from elman.recipes.strict_yaml import digest

BASE = """\
# Does it?
model:
  core: {class_path: Gated, init_args: {hidden_size: 64, forget_bias: 2.0}}
  bptt: {class_path: Truncated, init_args: {k2: 40, k1: 10}}
data: {class_path: Text, init_args: {batch_size: 4}}
"""


def make_parser():
    parser = RecipeParser(prog="elman fit")
    parser.add_argument("--seed_everything", type=int, default=0)
    parser.add_class_arguments(toys.Task, "model")
    parser.add_subclass_arguments(toys.Data, "data", required=True)
    parser.add_function_arguments(toys.make_trainer, "trainer")
    parser.link_arguments(
        "data", "model.batch_size", compute_fn=lambda data: data.batch_size, apply_on="instantiate"
    )
    return parser


@pytest.fixture
def parse(tmp_path, monkeypatch):
    """Parses a recipe, written to r.yaml, and options in any order."""
    monkeypatch.chdir(tmp_path)

    def run(text, *options):
        (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
        parser = make_parser()
        return parser, parser.parse_args(rewrite([*options, "r.yaml"]))

    return run


@pytest.fixture
def build(parse):
    def run(text, *options):
        parser, cfg = parse(text, *options)
        return parser.instantiate(cfg)

    return run


@pytest.fixture
def refuse(build):
    def run(text, *options):
        with pytest.raises(BadInput) as caught:
            build(text, *options)
        line = str(caught.value)
        assert "\n" not in line
        return line

    return run


def test_short_names_and_factories(build):
    made = build(BASE)
    assert type(made.model.core) is toys.Gated
    assert (made.model.core.sizes, made.model.core.forget_bias) == ((3, 64), 2.0)
    assert (made.model.bptt.k1, made.model.bptt.k2) == (10, 40)
    assert made.data.batch_size == made.model.batch_size == 4
    assert toys.make_trainer(**made.trainer) == 1000


@pytest.mark.parametrize(
    "options",
    [
        ["--model.bptt.k1=20", "--model.bptt=Truncated"],
        ["--model.bptt.k1", "20", "--model.bptt", "recipe_toys.Truncated"],
        ["--model.bptt.init_args.k1=20"],
    ],
)
def test_options_in_any_order(build, options):
    assert build(BASE, *options).model.bptt.k1 == 20


@pytest.mark.parametrize(
    ("option", "key", "value"),
    [
        ("--model.core.hidden_size=8", "model.core.init_args.hidden_size", 8),
        ("--model.optimizer.lr=3e-4", "model.optimizer.init_args.lr", 3e-4),
        ("--model.clip=null", "model.clip", None),
        ("--model.clip=1e-3", "model.clip", 1e-3),
        ("--model.sizes=[1, 2]", "model.sizes", [1, 2]),
        ("--trainer.max_time_steps=2_000_000", "trainer.max_time_steps", 2_000_000),
        ("--trainer.lr_min=-1e-3", "trainer.lr_min", -1e-3),
        ("--trainer.progress=false", "trainer.progress", False),
        ("--trainer.devices=2", "trainer.devices", 2),
        ("--data.path=1e-3", "data.init_args.path", "1e-3"),
        ("--data.path=a: b", "data.init_args.path", "a: b"),
        ("--data.path=!x", "data.init_args.path", "!x"),
        ("--data.path=null", "data.init_args.path", None),
        ("--data.shares.test=null", "data.init_args.shares.test", None),
        ("--seed_everything=7", "seed_everything", 7),
    ],
)
def test_one_value_overridden(parse, option, key, value):
    assert parse(BASE, option)[1][key] == value


def test_a_class_by_import_path(build):
    assert build(BASE, "--model.bptt=recipe_twins.ThirdParty", "--model.bptt.depth=5").model.bptt.depth == 5


def test_a_class_within_a_class(parse):
    options = ["--model.bptt.inner.k1=3", "--model.bptt.inner=Truncated", "--model.bptt=Wrapped"]
    parser, cfg = parse(BASE, *options)
    assert parser.instantiate(cfg).model.bptt.inner.k1 == 3


def test_recipes_are_merged_in_order(parse, tmp_path):
    (tmp_path / "more.yaml").write_text("model: {bptt: {init_args: {k1: 5}}, clip: 3.0}\n", encoding="utf-8")
    parser = make_parser()
    parse(BASE)
    cfg = parser.parse_args(rewrite(["--model.clip=4", "r.yaml", "more.yaml"]))
    assert vars(cfg.model.bptt.init_args) == {"k1": 5, "k2": 40}
    assert cfg.model.clip == 4.0


@pytest.mark.parametrize("where", ["recipe", "options"])
def test_a_class_brings_its_own_defaults(build, where):
    """The default optimiser is Adam; AdamW must not run with Adam's weight_decay."""
    text, options = BASE, ["--model.optimizer=AdamW"]
    if where == "recipe":
        text, options = BASE.replace("model:\n", "model:\n  optimizer: AdamW\n"), []
    optimizer = build(text, *options).model.optimizer([torch.zeros(1, requires_grad=True)])
    plain = torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.defaults == plain.defaults


def test_dropped_arguments_are_named(build, caplog):
    with caplog.at_level(logging.WARNING):
        core = build(BASE, "--model.core=Tanh").model.core
    assert core.sizes == (3, 64)
    (record,) = caplog.records
    assert (
        record.getMessage() == "the change from recipe_toys.Gated to recipe_toys.Tanh drops forget_bias: 2.0"
    )


@pytest.mark.parametrize("options", [[], ["--model.optimizer=SGD"], ["--model.bptt.k1=20"]])
def test_no_warning_when_nothing_is_dropped(build, caplog, options):
    with caplog.at_level(logging.WARNING):
        build(BASE, *options)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--model.bptt=Truncatd"], "model.bptt: there is no class 'Truncatd'; did you mean 'Truncated'?"),
        (["--model.core=Full"], "model.core: there is no class 'Full'; known: Gated, Tanh"),
        (["--model.bptt=recipe_toys.Gated"], "model.bptt: recipe_toys.Gated is no Strategy; known: Full, "),
        (["--model.core=recipe_toys.Full"], "model.core: recipe_toys.Full is no Core; known: Gated, Tanh"),
        (
            ["--model.bptt=Strategy"],
            "model.bptt: Strategy is abstract: losses must be written; known: ",
        ),
        (["--model.bptt=Twin"], "the name 'Twin' is ambiguous; write the import path, one of "),
        (["--model.bptt=nowhere.X"], "model.bptt: cannot import 'nowhere.X'"),
        (["--model.bptt=recipe_toys.X"], "model.bptt: cannot import 'recipe_toys.X'"),
        (["--model.optimizer=Adm"], "model.optimizer: there is no class 'Adm'; did you mean 'Adam'?"),
        (["--model.bptt.k3=4"], "model.bptt.k3: Truncated takes no key 'k3'; known: k1, k2"),
        (
            ["--model.core.hiden_size=4"],
            "model.core.hiden_size: Gated takes no key 'hiden_size'; did you mean 'hidden_size'?",
        ),
        (["--model.core.input_size=4"], "model.core.input_size: Gated takes no key 'input_size'"),
        (
            ["--model.bptt=Wrapped", "--model.bptt.inner=Ful"],
            "model.bptt.inner: there is no class 'Ful'; did you mean 'Full'?",
        ),
        (["--model.bptt=Wrapped"], "model.bptt: Wrapped needs a value for inner"),
        (["--model.clipp=3"], "model.clipp: there is no key 'clipp'; did you mean 'clip'?"),
        (["--model.batch_size=3"], "model.batch_size: follows from other values; leave it out"),
        (["--modle.clip=3"], "modle: there is no key 'modle'; did you mean 'model'?"),
        (["--mod=3"], "mod: there is no key 'mod'; did you mean 'model'?"),
        (["--seed_everything=x"], "seed_everything: expected int, got 'x'"),
        (["--model.bptt.k1=x"], "model.bptt.k1: expected int, got 'x'"),
        (["--model.core.hidden_size=x"], "model.core.hidden_size: expected int, got 'x'"),
        (["--model.clip=x"], "model.clip: expected float or null, got 'x'"),
        (["--trainer.progress=3"], "trainer.progress: expected true or false, got 3"),
        (
            ["--model.core=Tanh", "--model.core.kind=elu"],
            "model.core.kind: expected one of 'tanh', 'relu', got 'elu'",
        ),
        (["--data=Echo"], "data: Echo needs a value for steps"),
        (["--model.bptt={a: 1, a: 2}"], "the key 'a' is given twice"),
        (["--model.bptt.k2=3"], "k1 and k2 count steps and need 1 <= k1 <= k2, got k1=10, k2=3"),
        (["none.yaml"], "none.yaml: no such recipe"),
        (["run42"], "unexpected word 'run42'"),
    ],
)
def test_a_mistake_in_options_is_one_line(refuse, options, expected):
    line = refuse(BASE, *options)
    assert expected in line
    assert "r.yaml" not in line


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("data:", "date:", "r.yaml:5: date: there is no key 'date'; did you mean 'data'?"),
        ("bptt:", "btt:", "r.yaml:4: model.btt: there is no key 'btt'; did you mean 'bptt'?"),
        ("k1: 10", "k3: 10", "r.yaml:4: model.bptt.k3: Truncated takes no key 'k3'"),
        ("k1: 10", "k1: ten", "r.yaml:4: model.bptt.k1: expected int, got 'ten'"),
        ("k1: 10", "k1: 1.5", "r.yaml:4: model.bptt.k1: expected int, got 1.5"),
        ("batch_size: 4", "batch_size: x", "r.yaml:5: data.batch_size: expected int, got 'x'"),
        ("Truncated", "Trunc", "r.yaml:4: model.bptt: there is no class 'Trunc'; did you mean 'Truncated'?"),
        ("Text", "Txt", "r.yaml:5: data: there is no class 'Txt'; did you mean 'Text'?"),
        ("Gated", "Gate", "r.yaml:3: model.core: there is no class 'Gate'; did you mean 'Gated'?"),
        ("Gated,", "Gated, hidden_size: 3,", "r.yaml:3: model.core: hidden_size beside class_path"),
        ("Truncated", "3", "r.yaml:4: model.bptt.class_path: expected a name, got 3"),
        ("{k2: 40, k1: 10}", "3", "r.yaml:4: model.bptt.init_args: expected a mapping, got 3"),
        ("data:", "trainer: null\ndata:", "r.yaml:5: trainer: expected a mapping of its keys, got null"),
        ("data:", "model: 3\ndata:", "r.yaml:5:1: the key 'model' is given twice"),
        ("data:", "  sizes: [a]\ndata:", "r.yaml:5: model.sizes: expected int, got 'a'"),
        (
            "data:",
            "trainer: {devices: [1]}\ndata:",
            "r.yaml:5: trainer.devices: expected int or str, got [1]",
        ),
        ("data:", "  clip: !!python/name:os.system x\ndata:", "r.yaml:5:9: the tag"),
        (
            "class_path: Truncated, ",
            "",
            "r.yaml:4: model.bptt: {'init_args': {'k2': 40, 'k1': 10}} names no class",
        ),
        (BASE, BASE[: BASE.index("data")], "the recipe needs a value for data"),
    ],
)
def test_a_mistake_in_a_recipe_says_where(refuse, old, new, expected):
    assert expected in refuse(BASE.replace(old, new))


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--model.optimizer=AdamW"],
        ["--model.optimizer=SGD", "--model.optimizer.lr=3e-3"],
        ["--model.core=Tanh", "--model.clip=null", "--data.path=1e-3", "--trainer.max_time_steps=5"],
        ["--model.bptt=Wrapped", "--model.bptt.inner=Truncated", "--model.bptt.inner.k2=11"],
        ["--model.optimizer.betas=[0.5, 0.9]", "--model.sizes=[1]", "--data.path=no"],
    ],
)
@pytest.mark.parametrize("write", [resolved, minimal])
def test_what_is_written_reads_the_same(parse, write, options):
    parser, cfg = parse(BASE, *options)
    text = resolved(parser, cfg)
    parser, again = parse(write(parser, cfg))
    assert resolved(parser, again) == text
    assert digest(resolved(parser, again)) == digest(text)


def test_minimal_holds_departures_only(parse):
    parser, cfg = parse(
        BASE, "--model.optimizer=AdamW", "--model.clip=1.0", "--model.bptt.k1=10", "--data.batch_size=32"
    )
    assert minimal(parser, cfg) == (
        "model:\n"
        "  core:\n"
        "    class_path: recipe_toys.Gated\n"
        "    init_args:\n"
        "      hidden_size: 64\n"
        "      forget_bias: 2.0\n"
        "  bptt:\n"
        "    class_path: recipe_toys.Truncated\n"
        "    init_args:\n"
        "      k2: 40\n"
        "  optimizer:\n"
        "    class_path: torch.optim.AdamW\n"
        "data:\n"
        "  class_path: recipe_toys.Text\n"
    )


def test_the_order_of_keys_does_not_change_the_digest(parse):
    one, two = BASE, BASE.replace("{k2: 40, k1: 10}", "{k1: 10, k2: 40}")
    digests = {digest(resolved(*parse(text))) for text in (one, two)}
    assert len(digests) == 1


def test_help_of_every_option(parse, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(BASE, "--help")
    assert caught.value.code == 0
    assert "--model.bptt" in capsys.readouterr().out
