"""Manifests: a small JSON file, committed last, whose presence says that everything it lists is whole."""

import json
import subprocess
from pathlib import Path
from typing import Any

from shards.commit import write_bytes
from shards.errors import InputError
from shards.store import Place


def write_manifest(path: str | Place, content: dict[str, Any]) -> None:
    """Commits `content` as readable JSON with sorted keys."""
    write_bytes(path, (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_manifest(path: str | Place) -> dict[str, Any]:
    """The manifest at `path`. Raises `InputError` where it is missing or is no JSON object."""
    try:
        content = json.loads((Path(path) if isinstance(path, str) else path).read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such manifest; is this the folder of a finished run?") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); remove it and run the command that made it again") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: a JSON object is needed, found {type(content).__name__}")
    return content


def source_commit() -> str:
    """The commit of the texmill that runs, with `+changes` where the tree differs from it, or `unknown` outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    try:
        options = {"cwd": root, "capture_output": True, "text": True, "timeout": 10, "check": True}
        commit = subprocess.run(["git", "rev-parse", "HEAD"], **options).stdout.strip()  # type: ignore[call-overload]
        changes = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], **options).stdout  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}+changes" if changes.strip() else str(commit)
