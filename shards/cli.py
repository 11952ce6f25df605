"""What every command line of texmill shares: one clear line on bad input, defaults in the help, honest exit codes."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from shards.errors import InputError

ENDPOINT_HELP = "S3 server of the s3:// URIs, where it is another than Amazon's; credentials come from the environment"
EXIT_MACHINE = 1
EXIT_BAD_INPUT = InputError.exit_code
EXIT_INTERRUPTED = 130


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the description's own lines and shows each option's default."""


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line, and which never guesses at abbreviated flags."""

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, formatter_class=HelpFormatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Ends the process with one line."""
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def run(prog: str, main: Callable[[], int | None]) -> NoReturn:
    """Runs a command's `main` and ends the process: 0 or `main`'s own code, 2 with one line on `InputError`, 130 on Ctrl-C.

    What the machine refuses (a full disk, a folder without write permission) is one line as well, and 1. A reader that closes the pipe
    early (`| head`) has what it wanted: 0.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
    except InputError as error:
        line = " ".join(str(error).split())
        print(f"{prog}: error: {line}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print(f"{prog}: interrupted; run the same command again to go on", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{prog}: failed: {where}{error.strerror or error}; mend that and run the same command again", file=sys.stderr)
        code = EXIT_MACHINE
    sys.exit(code)
