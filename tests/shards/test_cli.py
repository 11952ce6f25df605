"""The ends of a command, as a shell sees them: exit code, standard error, and what a closed pipe does."""

import subprocess
import sys
from pathlib import Path

import pytest

from shards.cli import Parser

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = """
import sys
from shards.cli import Parser, run
from shards.errors import InputError

def main():
    parser = Parser(prog="prog", description="What it does.")
    parser.add_argument("--folder", default="here", help="folder of tars")
    parser.add_argument("--what")
    args = parser.parse_args()
    match args.what:
        case "bad": raise InputError("x.tar: not a tar;\\n  give\\tanother")
        case "stop": raise KeyboardInterrupt
        case "three": return 3
        case "lines": [print("line", number) for number in range(200_000)]
        case "disk": open("/nowhere/at/all", "w")
        case "bug": raise RuntimeError("a fault of ours")

run("prog", main)
"""


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ([], 0, ""),
        (["--what", "three"], 3, ""),
        (["--what", "bad"], 2, "prog: error: x.tar: not a tar; give another\n"),
        (["--what", "stop"], 130, "prog: interrupted; run the same command again to go on\n"),
        (["--what", "disk"], 1, "prog: failed: /nowhere/at/all: No such file or directory; mend that and run the same command again\n"),
        (["--unknown"], 2, "prog: error: unrecognized arguments: --unknown (see prog --help)\n"),
        (["--fold", "x"], 2, "prog: error: unrecognized arguments: --fold x (see prog --help)\n"),
        (["--what"], 2, "prog: error: argument --what: expected one argument (see prog --help)\n"),
    ],
)
def test_exit_codes_and_one_line(arguments: list[str], code: int, line: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stderr) == (code, line)


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    done = command("--what", "bug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "a fault of ours" in done.stderr


def test_a_pipe_that_closes_early_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--what", "lines"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait() == 0


def test_help_shows_defaults_and_the_description(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="prog", description="First line.\n  second, indented")
    parser.add_argument("--num-workers", type=int, default=2, help="workers")
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--help"])
    shown = capsys.readouterr().out
    assert end.value.code == 0
    assert "workers (default: 2)" in shown
    assert "\n  second, indented" in shown
