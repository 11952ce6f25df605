"""Does a run on a cluster survive anything? Kills an actor, a raylet and the driver at random moments, and compares what comes out.

    python -m benchmarks.soak_preprocess --source DUMP/src --metadata FILE --work DIR [--seeds 20] [--store]

Every seed has a Ray cluster of three nodes of its own on this machine, an empty output and moments of its own: a process that works on
units, a worker node's raylet and the driver are killed with SIGKILL, by every fifth seed the head with the cluster's state as well. The
same command is given again until it ends by itself. Then every byte that the laws bind must be that of an undisturbed run, and every
member of every tar must stand in the ledger once. With --store source, metadata and output are on an S3 server of this machine behind a
proxy that refuses requests without the header of requester pays, answers 5 % of them 500 or 503, and cuts and slows bodies.

What is done of the seeds is kept in DIR, so the same command goes on where it was stopped. Figures go to
benchmarks/results/soak_preprocess.json, with --store to soak_preprocess_store.json.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.outputs import law_bound, unbalanced
from benchmarks.raylets import Raylets, three_nodes
from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.errors import InputError
from shards.manifest import read_manifest, source_commit, write_manifest
from shards.store import Place, states_in

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-m", "preprocess"]
KINDS = ("actor", "raylet", "driver")
HEAD, HEAD_EVERY = "head", 5  # the head dies in every so-manieth seed
MAX_UNIT_MEMBERS = 8  # papers of a unit: small, so that a small dump has units enough to be killed in
LONGEST_PAUSE_SECONDS = 2.0  # between the share of the units that a kill waits for and the kill
START_SECONDS = 8.0  # in which a driver is killed that is to be killed while it starts
MAX_ATTEMPTS = 12
PATIENCE_SECONDS = 900.0  # of an attempt: a run that stands still is a failure
POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When what is killed: once `share` of the units are done and `pause` seconds are over.

    Below 0 it is the start of the run, from 1 on the corpus pass.
    """

    kind: str
    share: float
    pause: float


def moments(seed: int) -> list[Moment]:
    """A seed's kills, in the order in which they come."""
    chance = random.Random(seed)
    drawn = []
    for kind in (*KINDS, HEAD)[: None if seed % HEAD_EVERY == 0 else -1]:
        share = chance.uniform(-0.15, 1.15) if kind == "driver" else chance.uniform(0.0, 0.9)
        drawn.append(Moment(kind=kind, share=round(share, 3), pause=round(chance.uniform(0.0, LONGEST_PAUSE_SECONDS), 3)))
    return sorted(drawn, key=lambda moment: moment.share)


@dataclass
class Watch:
    """Sees units being begun and committed, from outside: by breadcrumbs and manifests."""

    out: Place
    commits: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    starts: dict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))

    def look(self) -> int:
        """Notes what is there now; gives the number of units that are committed."""
        done = {name: state for name, state in states_in(self.out / "units").items() if name.endswith(".json")}
        for name, state in done.items():
            self.commits[name].add(state.version)
        for name in states_in(self.out / ".breadcrumbs"):
            if name.endswith(".json"):
                with contextlib.suppress(OSError, ValueError):  # gone meanwhile
                    crumb = json.loads((self.out / ".breadcrumbs" / name).read_bytes())
                    self.starts[name].add((crumb["run_id"], crumb["attempt"]))
        return len(done)


@contextlib.contextmanager
def watching(out: Place) -> Iterator[tuple[Watch, Callable[[], int]]]:
    """Looks all the time for the block. Gives what is seen, and the number of committed units as it was last seen."""
    watch, stop, seen = Watch(out), threading.Event(), [0]

    def look() -> None:
        while not stop.wait(POLL_SECONDS):
            seen[0] = watch.look()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch, lambda: seen[0]
    finally:
        stop.set()
        thread.join()
        watch.look()


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a soak reads and writes: `arguments` as for `run`, without --out."""

    source: Path
    arguments: Sequence[str]
    out: Callable[[str], Place]

    def command(self, out: Place, address: str) -> list[str]:
        """The run, as one would type it."""
        options = ["--num-workers", "2", "--set", f"unit.max_unit_members={MAX_UNIT_MEMBERS}", "--address", address]
        return [*PROGRAM, "run", *self.arguments, "--out", str(out), *options]


def soak(seed: int, places: Places, out: Place, num_units: int, log: Path) -> dict[str, Any]:
    """Runs, kills and runs again until the run has ended by itself; gives what happened."""
    chance = random.Random(-1 - seed)
    left = moments(seed)
    kills: list[dict[str, Any]] = []
    attempts: list[dict[str, Any]] = []
    with watching(out) as (watch, num_done), open(log, "ab") as said, contextlib.ExitStack() as stack:
        cluster = stack.enter_context(three_nodes())
        while not attempts or attempts[-1]["end"] != "done":
            if len(attempts) >= MAX_ATTEMPTS:
                raise InputError(f"seed {seed}: {MAX_ATTEMPTS} attempts did not end well; see {log}")
            began, done_before = time.monotonic(), num_done()
            driver = subprocess.Popen(
                places.command(out, cluster.address), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
            )
            try:
                fallen = _kill_in_time(driver, left, cluster, num_done, num_units, chance, kills, log)
            finally:
                driver.kill()  # nothing where it has ended
                code = driver.wait()
            end = {0: "done", -signal.SIGKILL: "killed"}.get(code, f"exit code {code}")
            seconds = round(time.monotonic() - began, 1)
            attempts.append({"end": end, "units_before": done_before, "units_after": watch.look(), "seconds": seconds})
            if fallen:  # the head is gone, and the cluster with it
                stack.close()
                cluster = stack.enter_context(three_nodes())
    return {
        "seed": seed,
        "kills": kills,
        "missed": [asdict(moment) for moment in left],
        "attempts": attempts,
        "units": num_units,
        "units_begun_again": sum(len(starts) - 1 for starts in watch.starts.values()),
        "units_written_again": sum(len(commits) - 1 for commits in watch.commits.values()),
    }


def _kill_in_time(
    driver: "subprocess.Popen[bytes]",
    left: list[Moment],
    cluster: Raylets,
    num_done: Callable[[], int],
    num_units: int,
    chance: random.Random,
    kills: list[dict[str, Any]],
    log: Path,
) -> bool:
    """Waits for the end of an attempt and kills what is to be killed meanwhile; says whether the head was."""
    began, fallen, due_since = time.monotonic(), False, None
    while driver.poll() is None:
        now = time.monotonic()
        if now - began > PATIENCE_SECONDS:
            raise InputError(f"a run stands still for {PATIENCE_SECONDS:g} s; see {log}")
        if left and not fallen:
            moment = left[0]
            if moment.share < 0:
                is_due, pause = True, moment.pause * START_SECONDS / LONGEST_PAUSE_SECONDS
            else:
                is_due, pause = num_done() >= min(1.0, moment.share) * num_units, moment.pause
            is_due &= moment.kind != "actor" or bool(cluster.actors())
            due_since = (due_since or now) if is_due else None
            if due_since is not None and now - due_since >= pause and _kill(moment.kind, driver, cluster, chance):
                kills.append(asdict(left.pop(0)) | {"units_done": num_done()})
                fallen, due_since = moment.kind == HEAD, None
        time.sleep(POLL_SECONDS)
    return fallen


def _kill(kind: str, driver: "subprocess.Popen[bytes]", cluster: Raylets, chance: random.Random) -> bool:
    """Kills with SIGKILL; False where there was nothing to kill."""
    if kind == "driver":
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
    elif kind == "raylet":
        cluster.kill_raylet(chance)
    elif kind == HEAD:
        cluster.kill_head()
    else:
        return cluster.kill_actor(chance)
    return True


def checked(happened: dict[str, Any], source: Path, expected: dict[str, Any], out: Place) -> dict[str, Any]:
    """What happened, with whether it came out right."""
    found = law_bound(out)
    other = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    wrong = unbalanced(source, out)
    return happened | {"files": len(found), "bytes_equal": not other, "other_files": other[:9], "balanced": not wrong, "wrong": wrong[:9]}


def figures(rows: Sequence[dict[str, Any]], source: Path) -> dict[str, Any]:
    """The seeds' rows, and their sums."""
    tars = sorted(source.glob("*.tar"))
    ends = Counter(
        "exit code" if end.startswith("exit code") else end for row in rows for end in (entry["end"] for entry in row["attempts"])
    )
    return {
        "nodes": 3,
        "tars": len(tars),
        "tar_bytes": sum(path.stat().st_size for path in tars),
        "units": max(row["units"] for row in rows),
        "seeds": len(rows),
        "seeds_with_equal_bytes": sum(row["bytes_equal"] for row in rows),
        "seeds_with_balanced_ledger": sum(row["balanced"] for row in rows),
        "kills": dict(Counter(kill["kind"] for row in rows for kill in row["kills"])),
        "kills_missed": sum(len(row["missed"]) for row in rows),
        "attempts": sum(len(row["attempts"]) for row in rows),
        "attempts_by_end": dict(ends),
        "units_begun_again": sum(row["units_begun_again"] for row in rows),
        "units_written_again": sum(row["units_written_again"] for row in rows),
        "rows": list(rows),
    }


@contextlib.contextmanager
def local_places(source: Path, metadata: Path, work: Path) -> Iterator[Places]:
    """Everything in folders of this machine."""
    yield Places(source=source, arguments=["--source", str(source), "--metadata", str(metadata)], out=lambda name: work / name)


@contextlib.contextmanager
def stored_places(source: Path, metadata: Path, work: Path) -> Iterator[Places]:
    """The dump on an S3 server of this machine, as arXiv has its own, and outputs there, behind the proxy of faults."""
    from tests.object_stores import KEY, SECRET, Faults, fault_proxy, make_bucket, place, s3_server, upload

    os.environ.update(AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)
    faults = Faults(error_share=0.05, cut_share=0.05, slow_share=0.02, requester_pays=frozenset({"arxiv"}))
    with s3_server() as server, fault_proxy(server, faults) as proxy:
        make_bucket(server, "arxiv")
        make_bucket(server, "made")
        upload(source, place(server, "arxiv/src"))
        (place(server, "arxiv") / metadata.name).put(metadata)
        where = ["--source", "s3://arxiv/src", "--metadata", f"s3://arxiv/{metadata.name}", "--requester-pays", "--endpoint", proxy.url]
        scratch = work / "scratch"
        yield Places(source=source, arguments=[*where, "--scratch", str(scratch)], out=lambda name: place(server, f"made/{name}"))
        print(f"the proxy saw {dict(sorted(proxy.seen.items()))}", flush=True)


def undisturbed(source: Path, metadata: Path, out: Path, log: Path) -> dict[str, Any]:
    """A run on folders of this machine that nothing disturbs, made once; gives what the laws bind of it."""
    options = ["--num-workers", "2", "--set", f"unit.max_unit_members={MAX_UNIT_MEMBERS}"]
    command = [*PROGRAM, "run", "--source", str(source), "--metadata", str(metadata), "--out", str(out), *options]
    with open(log, "ab") as said:
        code = subprocess.run(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise InputError(f"a run that nothing disturbed ended with {code}; see {log}")
    return law_bound(out)


def main() -> int:
    """Soaks the seeds that are not done, and writes the figures of all that are."""
    parser = Parser(prog="python -m benchmarks.soak_preprocess", description=__doc__ or "")
    parser.add_argument("--source", type=Path, required=True, metavar="DIR", help="folder of tars")
    parser.add_argument("--metadata", type=Path, required=True, metavar="FILE", help="their metadata snapshot")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder for outputs, and for what is done of the seeds")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="seeds from 1 to N")
    parser.add_argument("--store", action="store_true", help="source and output on an S3 server behind a proxy of faults")
    args = parser.parse_args()
    if args.seeds < 1:
        raise InputError(f"--seeds is {args.seeds}; at least 1 is needed")
    name = "soak_preprocess_store" if args.store else "soak_preprocess"
    kept = args.work / name
    kept.mkdir(parents=True, exist_ok=True)
    source, metadata = args.source.resolve(), args.metadata.resolve()
    expected = undisturbed(source, metadata, args.work.resolve() / "undisturbed", kept / "undisturbed.log")
    num_units = sum(path.startswith("units/") for path in expected)
    rows = []
    with (stored_places if args.store else local_places)(source, metadata, args.work.resolve()) as places:
        for seed in range(1, args.seeds + 1):
            record = kept / f"seed-{seed:02}.json"
            if not record.is_file():
                out = places.out(f"seed-{seed:02}")
                if isinstance(out, Path):
                    shutil.rmtree(out, ignore_errors=True)
                happened = soak(seed, places, out, num_units, kept / f"seed-{seed:02}.log")
                write_manifest(record, checked(happened, source, expected, out) | {"commit": source_commit()})
                if isinstance(out, Path):
                    shutil.rmtree(out)
            row = read_manifest(record)
            rows.append(row)
            killed = ", ".join(f"{kill['kind']} at {kill['units_done']}" for kill in row["kills"])
            print(
                f"seed {seed}: killed {killed} of {num_units} units; {len(row['attempts'])} attempts, {row['units_begun_again']} units"
                f" begun again, {row['units_written_again']} written again; bytes {'equal' if row['bytes_equal'] else 'OTHER'}, ledger"
                f" {'balanced' if row['balanced'] else 'NOT BALANCED'}",
                flush=True,
            )
    print(write_result(name, figures(rows, source)))
    if failed := [row["seed"] for row in rows if not (row["bytes_equal"] and row["balanced"])]:
        raise InputError(f"seeds {failed} did not come out right; see {kept}")
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.soak_preprocess", main)
