"""The front door: quick, brief, and exact about what went wrong."""

import inspect
import json
import subprocess
import sys

import pytest

from elman import __version__, commands
from elman.cli import main
from elman.commands import Command, Option
from elman.errors import BadInput

HEAVY = ["torch", "pytorch_lightning", "mlflow", "optuna", "jsonargparse", "yaml", "numpy"]

PROBE = """
import json, sys
from elman.cli import main
code = main(json.loads(sys.argv[1]))
print(json.dumps([code, [name for name in json.loads(sys.argv[2]) if name in sys.modules]]))
"""


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["--version"], ["fitt"]])
def test_the_front_door_imports_nothing_heavy(words):
    probe = [sys.executable, "-c", PROBE, json.dumps(words), json.dumps(HEAVY)]
    done = subprocess.run(probe, capture_output=True, text=True, check=True)
    code, imported = json.loads(done.stdout.splitlines()[-1])
    assert imported == []
    assert code == (2 if words == ["fitt"] else 0)


def test_help_names_every_command(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in commands.names())
    assert "--resume [RUN]" in text


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"elman {__version__}\n"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("fitt", "'fit'"),
        ("preditc", "'predict'"),
        ("--fit", "'fit'"),
        ("xyzzy", "fit, validate"),
        ("forecast", "--stream"),
    ],
)
def test_an_unknown_command_is_one_line(capsys, word, hint):
    assert main([word]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"elman: error: there is no command {word!r}; ")
    assert err.count("\n") == 1
    assert hint in err


@pytest.fixture
def command(monkeypatch):
    """Puts a function in the place of the commands."""

    def put(run):
        monkeypatch.setattr(commands, "find", lambda name: Command(1, "", "", lambda words: run(name, words)))

    return put


def raising(error):
    def run(name, args):
        raise error

    return run


def test_a_command_gets_its_words(command):
    seen = []
    command(lambda name, args: seen.append((name, args)) or 7)
    assert main(["fit", "a.yaml", "--model.clip=1"]) == 7
    assert seen == [("fit", ["a.yaml", "--model.clip=1"])]


def test_bad_input_is_one_line_and_code_2(command, capsys):
    command(raising(BadInput("a.yaml:3: k1 is 0\nbut must be positive")))
    assert main(["fit"]) == 2
    assert capsys.readouterr().err == "elman: error: a.yaml:3: k1 is 0 but must be positive\n"


def test_an_interrupt_is_code_130(command, capsys):
    command(raising(KeyboardInterrupt()))
    assert main(["fit"]) == 130
    assert capsys.readouterr().err == "elman: interrupted\n"


def test_our_own_mistakes_keep_their_traceback(command):
    command(raising(ValueError("ours")))
    with pytest.raises(ValueError, match="ours"):
        main(["fit"])


def test_a_reader_that_leaves_gets_no_traceback():
    program = "import sys; from elman.cli import main; sys.exit(main(['--help']))"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 141
    child.stderr.close()


def everything(command):
    """A command and those below it."""
    return [command, *(each for part in command.parts.values() for each in everything(part))]


@pytest.mark.parametrize("name", commands.names())
def test_a_command_is_whole(name):
    """Its line, its help, and a function that takes the command's options and no others."""
    for each in everything(commands.find(name)):
        assert each.line
        assert each.usage.startswith(f"usage: elman {name}")
        taken = inspect.signature(each.run).parameters
        words, *others = taken
        assert words == "words"
        free = any(p.kind is p.VAR_KEYWORD for p in taken.values())
        assert free or set(others) == set(each.options)
        for option in each.options.values():
            assert option.name in each.usage or option.text
            assert option.take([]) == (option.take([])[0], [])


def test_orders_differ():
    orders = [commands.find(name).order for name in commands.names()]
    assert orders == sorted(set(orders))


def test_a_command_of_your_own_is_a_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "greet.py").write_text(
        "from elman.commands import Command, Option\n"
        "def greet(words, *, loud):\n"
        "    print(' '.join(words).upper() if loud else ' '.join(words))\n"
        "    return 0\n"
        "COMMAND = Command(order=99, line='say hello', usage='usage: elman greet WORD ... [--loud]',\n"
        "                  options={'loud': Option('--loud', 'in capitals')}, run=greet)\n"
    )
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert main(["greet", "you", "--loud"]) == 0
    assert capsys.readouterr().out == "YOU\n"
    assert main(["--help"]) == 0
    assert "\n  greet          say hello\n" in capsys.readouterr().out
    assert main(["greet", "--help"]) == 0
    assert "  --loud  in capitals" in capsys.readouterr().out
    del sys.modules["elman.commands.greet"]


@pytest.mark.parametrize(
    ("option", "words", "expected"),
    [
        (Option("--all"), ["a", "--all"], (True, ["a"])),
        (Option("--n=N", default=3, kind=int), ["--n", "-4", "b"], None),
        (Option("--n=N", default=3, kind=int), ["--n=4", "b"], (4, ["b"])),
        (Option("--n=N", default=3, kind=int), ["b"], (3, ["b"])),
        (Option("--f=F", choices=("csv", "jsonl")), [], ("csv", [])),
        (Option("--f=F", choices=("csv", "jsonl")), ["--f=x"], None),
        (Option("--f=F"), ["--f", "--g"], None),
        (Option("--all"), ["--all=1"], None),
    ],
)
def test_an_option_of_a_command(option, words, expected):
    if expected is None:
        with pytest.raises(BadInput, match=option.name):
            option.take(words)
    else:
        assert option.take(words) == expected


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["runs", "--lmit=3"], "--limit"),
        (["search", "space.yaml", "--worker", "2"], "--workers"),
        (["fit", "r.yaml", "--resum"], "--resume"),
    ],
)
def test_a_mistyped_option_is_answered_by_the_one_meant(capsys, words, near):
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"did you mean {near}?")
