"""The one exception for bad input, which every command turns into one line and a non-zero exit."""


class InputError(Exception):
    """What the user gave cannot be used. The message says what was found, where, and what to do next, on one line."""

    exit_code = 2  # of the command that ends with it
