"""The users' first act on a cluster: a clean clone, the README's `ray job submit` line, stopped on its way and submitted again.

    python -m benchmarks.first_act --source DUMP/src --metadata FILE --work DIR

Starts a Ray cluster of three nodes with its job server on this machine, clones the repository's last commit, and gives the line of the
README from the clone, with the places filled in. Measures what `--working-dir .` uploads, stops the job with `ray job stop` when a third
of its units are done, submits the same line again, and holds what comes out against a run on this machine. Figures go to
benchmarks/results/first_act.json.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.outputs import law_bound, unbalanced
from benchmarks.raylets import Raylets, three_nodes
from benchmarks.record import write_result
from benchmarks.soak_preprocess import MAX_UNIT_MEMBERS, ROOT, undisturbed
from shards.cli import Parser, run
from shards.errors import InputError
from shards.store import states_in

MAX_UPLOAD_BYTES = 5_000_000
SECONDS = 600.0  # of a job at most
ENDS = ("SUCCEEDED", "FAILED", "STOPPED")
_LINE = re.compile(r"^ray job submit .*?(?<!\\)$", re.M | re.S)


def readme_line(readme: Path) -> list[str]:
    """The words of the README's `ray job submit` line."""
    found = _LINE.search(readme.read_text())
    if found is None:
        raise InputError(f"{readme}: has no line that begins with 'ray job submit'")
    return found[0].replace("\\\n", " ").split()


def filled_in(words: list[str], given: dict[str, str]) -> list[str]:
    """The line with the user's own places: each option of `given` in it has that value."""
    if missing := given.keys() - set(words):
        raise InputError(f"the README's line has no {', '.join(sorted(missing))}")
    return [given.get(before, word) for before, word in zip(["", *words], words, strict=False)]


def upload_bytes(folder: Path, to: Path) -> int:
    """Bytes of the archive that `--working-dir folder` uploads, made by Ray's own code as `to`."""
    from ray._private.ray_constants import get_runtime_env_default_excludes
    from ray._private.runtime_env.packaging import create_package

    to.unlink(missing_ok=True)
    create_package(str(folder), to, include_gitignore=True, excludes=get_runtime_env_default_excludes())
    return to.stat().st_size


def status(cluster: Raylets, job: str) -> str:
    """What the job server says of a job."""
    from ray.job_submission import JobSubmissionClient

    return str(JobSubmissionClient(cluster.dashboard).get_job_status(job).value)


def _ray(cluster: Raylets, *words: str, cwd: Path = ROOT) -> str:
    program = str(Path(sys.executable).parent / "ray")
    environment = os.environ | {"RAY_ADDRESS": cluster.dashboard, "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run([program, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise InputError(f"ray {' '.join(words[:2])} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout + done.stderr


def submit(cluster: Raylets, clone: Path, words: list[str], job: str) -> None:
    """The line, from the clone; does not wait for the job's end."""
    at = words.index("--")
    _ray(cluster, *words[1:at], "--submission-id", job, "--no-wait", *words[at:], cwd=clone)


def wait_for_end(cluster: Raylets, job: str) -> str:
    """How a job has ended."""
    deadline = time.monotonic() + SECONDS
    while (found := status(cluster, job)) not in ENDS:
        if time.monotonic() > deadline:
            raise InputError(f"{job}: is {found} after {SECONDS:g} s")
        time.sleep(1.0)
    return found


def first_act(clone: Path, words: list[str], out: Path, num_units: int) -> dict[str, Any]:
    """Submits, stops, submits again; gives what happened."""
    with three_nodes(with_dashboard=True) as cluster:
        at = words.index("--")  # before it stand the job server's address and the folder, after it is the run
        words = [*filled_in(words[:at], {"--address": cluster.dashboard}), *words[at:]]
        submit(cluster, clone, words, "first")
        deadline = time.monotonic() + SECONDS
        while len(states_in(out / "units")) * 3 < num_units:
            if (found := status(cluster, "first")) in ENDS or time.monotonic() > deadline:
                raise InputError(f"the first job is {found} before a third of its units: {_ray(cluster, 'job', 'logs', 'first')[-2000:]}")
            time.sleep(0.2)
        _ray(cluster, "job", "stop", "first")
        first, kept = wait_for_end(cluster, "first"), len(states_in(out / "units"))
        submit(cluster, clone, words, "second")
        second = wait_for_end(cluster, "second")
        said = _ray(cluster, "job", "logs", "second")
        return {
            "first_job": first,
            "units_after_first": kept,
            "second_job": second,
            "units": num_units,
            "progress_of_second": next((line for line in said.splitlines() if line.startswith("extract: ") and " units" in line), ""),
            "left_in_temporary_folders": cluster.left_in_temporary_folders(),
        }


def main() -> int:
    """Does what a user does first, and writes down how it went."""
    parser = Parser(prog="python -m benchmarks.first_act", description=__doc__ or "")
    parser.add_argument("--source", type=Path, required=True, metavar="DIR", help="folder of tars")
    parser.add_argument("--metadata", type=Path, required=True, metavar="FILE", help="their metadata snapshot")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder for clone and outputs")
    args = parser.parse_args()
    work, source, metadata = args.work.resolve(), args.source.resolve(), args.metadata.resolve()
    clone, out = work / "clone", work / "out"
    for folder in (clone, out):
        shutil.rmtree(folder, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
    expected = undisturbed(source, metadata, work / "undisturbed", work / "undisturbed.log")
    words = filled_in(readme_line(clone / "README.md"), {"--source": str(source), "--metadata": str(metadata), "--out": str(out)})
    words += ["--num-workers", "2", "--set", f"unit.max_unit_members={MAX_UNIT_MEMBERS}"]
    figures: dict[str, Any] = {
        "upload_bytes": upload_bytes(clone, work / "upload.zip"),
        "files_of_the_clone": len(
            subprocess.run(["git", "ls-files"], cwd=clone, capture_output=True, text=True, check=True).stdout.split()
        ),
    }
    # what setting up and working leave behind is not uploaded: .venv, caches, build
    for name in (
        ".venv/lib/site-packages/torch/torch.so",
        "build/demo/model.bin",
        ".mypy_cache/cache.json",
        "preprocess/__pycache__/x.pyc",
    ):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes(os.urandom(1_000_000))
    figures["upload_bytes_after_set_up"] = upload_bytes(clone, work / "upload.zip")
    figures |= first_act(clone, words, out, sum(name.startswith("units/") for name in expected))
    found = law_bound(out)
    figures["bytes_equal"] = found == expected
    figures["wrong"] = unbalanced(source, out)
    print(json.dumps(figures, indent=1))
    print(write_result("first_act", figures))
    if figures["upload_bytes_after_set_up"] > MAX_UPLOAD_BYTES:
        raise InputError(f"the upload has {figures['upload_bytes_after_set_up']} bytes, at most {MAX_UPLOAD_BYTES} are wanted")
    if figures["wrong"] or not figures["bytes_equal"] or figures["second_job"] != "SUCCEEDED":
        raise InputError(f"the job that was stopped and submitted again ended otherwise than a run nobody stopped; see {work}")
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.first_act", main)
