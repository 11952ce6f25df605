"""What would all of arXiv take, on how many cores, and where does storage become the limit?

    python -m benchmarks.scale_model

Arithmetic alone, on figures of benchmarks/results and on rates of MD5, SHA-256, zlib and the text shard's encoder, measured here for a
few seconds. Writes benchmarks/results/scale.json, which docs/scale.md quotes; what is assumed stands under `assumed` there.
"""

import hashlib
import json
import os
import random
import string
import time
import zlib
from collections.abc import Callable
from typing import Any

from benchmarks.record import LARGEST_RUN, RESULTS, write_result
from shards.cli import Parser, run
from shards.manifest import read_manifest
from shards.text_shard import encode_text_shard

CORES = (32, 128, 1024)
ASSUMED: dict[str, float] = {
    "tar_bytes": 5.6e12,  # all of arXiv's source tars, as of 2023
    "papers": 3.0e6,
    "share_with_tex": 0.9,  # the rest is PDF alone, withdrawn, PostScript or HTML
    "characters_a_tex_paper": 60_000,  # of clean text: published yardsticks say 55,000 to 65,000
    "cores_a_node": 64,
    "network_bytes_a_second_of_a_node": 1.25e9,  # 10 Gbit/s
    "bytes_a_second_of_a_stream": 75e6,  # of an object store; one a core
    "seconds_a_request": 0.03,  # of an object store
    "headers_at_a_time": 128,  # in a whole cluster (preprocess/sources/scans.py)
}
PROBE_BYTES = 32 << 20


def rate(work: Callable[[], object], num_bytes: int) -> float:
    """Bytes a CPU second, the best of three tries: what other processes take is no part of it."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return num_bytes / best


def probes() -> dict[str, float]:
    """Megabytes (10^6 bytes) a CPU second of what a run does to every byte, on one core."""
    figures = os.urandom(PROBE_BYTES)  # pictures and PDF do not compress
    draw = random.Random("scale")
    lines = "".join(f"{draw.randint(0, 9999)} {draw.randint(0, 9999)} lineto\n" for _ in range(PROBE_BYTES >> 6)).encode()  # and EPS does
    packed = [zlib.compress(figures, 6, wbits=31), zlib.compress(lines, 6, wbits=31)]
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 9))) for _ in range(5_000)]
    rows = [{"id": str(number), "text": " ".join(draw.choices(words, k=10_000))} for number in range(64)]
    found = {
        "md5": rate(lambda: hashlib.md5(figures, usedforsecurity=False).digest(), len(figures)),
        "sha256": rate(lambda: hashlib.sha256(figures).digest(), len(figures)),
        "inflate": rate(lambda: [zlib.decompress(part, wbits=31) for part in packed], sum(map(len, packed))),
        "encode_text": rate(lambda: encode_text_shard(rows), sum(len(row["text"]) for row in rows)),
    }
    return {name: round(value / 1e6, 1) for name, value in found.items()}


def results(name: str) -> dict[str, Any]:
    """The figures of a benchmark."""
    figures: dict[str, Any] = read_manifest(RESULTS / f"{name}.json")["figures"]
    return figures


def model(
    extract: dict[str, Any],
    pipeline: dict[str, Any],
    overhead: dict[str, Any],
    dedup: dict[str, Any],
    stores: dict[str, Any],
    probed: dict[str, float],
) -> dict[str, Any]:
    """The model's figures, from the figures of five benchmarks and the rates of `probes`. A gb is 10^9 bytes."""
    assumed = ASSUMED
    everything = extract["ours_on_everything"]
    tex_papers = assumed["papers"] * assumed["share_with_tex"]
    tex_a_character = everything["tex_bytes_read"] / everything["characters_out"]
    tex_bytes = tex_papers * assumed["characters_a_tex_paper"] * tex_a_character
    tex_bytes_as_sample = tex_papers * everything["tex_bytes_read"] / everything["ends"]["document"]
    obstore = next(row for row in stores["rows"] if (row["library"], row["threads"], row["weather"]) == ("obstore", 1, "good"))

    # a worker's seconds over every byte of the tars: the read, the SHA-256 of each member, the archives' inflation
    cpu_a_byte = obstore["cpu_seconds_per_gigabyte"] / 1e9 + sum(1 / (probed[name] * 1e6) for name in ("sha256", "inflate"))
    byte_hours = assumed["tar_bytes"] * cpu_a_byte / 3600
    tex_hours = {
        "yardstick": tex_bytes / (everything["mb_per_cpu_second"] * 1e6) / 3600,
        "as_the_sample": assumed["papers"] * everything["cpu_seconds"] / sum(everything["ends"].values()) / 3600,
    }
    hours = {name: value * overhead["ray_over_plain"] + byte_hours for name, value in tex_hours.items()}

    # before the first unit, on the workers: the listing of every tar, by reading it whole, or by its headers where the store states its MD5
    def listing_hours(cores: int, nodes: int) -> float:
        streams = cores * min(probed["md5"] * 1e6, assumed["bytes_a_second_of_a_stream"])
        return assumed["tar_bytes"] / min(streams, nodes * assumed["network_bytes_a_second_of_a_node"]) / 3600

    header_hours = assumed["papers"] * assumed["seconds_a_request"] / assumed["headers_at_a_time"] / 3600

    # the driver alone, whatever the cluster's size
    text_bytes = tex_papers * assumed["characters_a_tex_paper"]
    longer = assumed["characters_a_tex_paper"] / dedup["quality"]["signatures"]["characters_a_document"]
    banding = dedup["banding"][-1]
    texts = {  # CPU hours of the workers: texts compared with each other, texts held against benchmarks
        "deduplicate": tex_papers / dedup["quality"]["pass"]["documents_a_cpu_second"] / 3600,
        "decontaminate": tex_papers * longer / dedup["quality"]["decontamination"]["documents_a_cpu_second"] / 3600,
    }
    serial = {
        "write_corpus": text_bytes / (probed["encode_text"] * 1e6) / 3600,
    }
    memory = dedup["memory_of_the_pass"]
    pass_bytes = (memory[-1]["peak_mib"] - memory[0]["peak_mib"]) * 2**20 / (memory[-1]["documents"] - memory[0]["documents"])

    table = []
    for cores in CORES:
        wall = {name: value / cores for name, value in hours.items()}
        needed = {name: round(assumed["tar_bytes"] / (value * 3600) / 1e9, 2) for name, value in wall.items()}
        nodes = -(-cores // int(assumed["cores_a_node"]))
        network_hours = assumed["tar_bytes"] / (nodes * assumed["network_bytes_a_second_of_a_node"]) / 3600
        extraction_hours = max(wall["as_the_sample"], network_hours)
        listing = {"whole": listing_hours(cores, nodes), "headers": header_hours}
        compared_hours = (texts["deduplicate"] + texts["decontaminate"]) / cores
        total = {name: value + extraction_hours + compared_hours + serial["write_corpus"] for name, value in listing.items()}
        table.append(
            {
                "cores": cores,
                "extraction_hours": {name: round(value, 2) for name, value in wall.items()},
                "network_gb_a_second": needed,
                "nodes": nodes,
                "hours_of_the_nodes_network": round(network_hours, 2),
                "listing_hours": {name: round(value, 2) for name, value in listing.items()},
                "hours_of_texts_compared": round(compared_hours, 2),
                "hours_in_all": {name: round(value, 2) for name, value in total.items()},
                "share_of_hours_on_the_driver_alone": {name: round(serial["write_corpus"] / value, 2) for name, value in total.items()},
            }
        )
    fed = [round(1.25e9 / assumed["tar_bytes"] * value * 3600) for value in hours.values()]
    return {
        "assumed": assumed,
        "probed_mb_a_cpu_second": probed,
        "read_from": {
            "extract": {
                "mb_per_cpu_second": everything["mb_per_cpu_second"],
                "cpu_seconds_a_member": round(everything["cpu_seconds"] / sum(everything["ends"].values()), 4),
            },
            "overhead": {"ray_over_plain": overhead["ray_over_plain"], "papers": overhead["papers"]},
            "dedup": {"documents_of_the_banding": banding["documents"], "banding_peak_mib": banding["peak_mib"]},
        },
        "tex_terabytes": {"yardstick": round(tex_bytes / 1e12, 2), "as_the_sample": round(tex_bytes_as_sample / 1e12, 2)},
        "cpu_hours": {
            "over_every_byte": round(byte_hours, 1),
            **{f"of_tex_{name}": round(value, 1) for name, value in tex_hours.items()},
            **{f"in_all_{name}": round(value, 1) for name, value in hours.items()},
            **{name: round(value, 2) for name, value in texts.items()},
        },
        "driver_hours": {name: round(value, 2) for name, value in serial.items()},
        "driver_memory_gib": {
            "extraction": round(pipeline["run"]["bytes_a_paper_more"]["driver"] * assumed["papers"] / 2**30, 1),
            "deduplication": round(pass_bytes * tex_papers / 2**30, 1),
            "deduplication_a_million_documents": round(pass_bytes * 1e6 / 2**30, 2),
        },
        "cores_that_10_gbit_a_second_feed": fed,
        "table": table,
    }


def page_tables(figures: dict[str, Any]) -> tuple[str, str]:
    """The two tables of docs/scale.md: what the work is, what it takes on so many cores."""
    cpu, driver, memory, tex = (figures[name] for name in ("cpu_hours", "driver_hours", "driver_memory_gib", "tex_terabytes"))
    work = [
        ("TeX in the tars, unpacked", f"{tex['yardstick']}–{tex['as_the_sample']} TB"),
        ("CPU over the TeX", f"{cpu['of_tex_yardstick']}–{cpu['of_tex_as_the_sample']} CPU-hours"),
        ("CPU over every byte: read, SHA-256, inflate", f"{cpu['over_every_byte']} CPU-hours"),
        ("CPU of Ray / that of a plain pool", f"{figures['read_from']['overhead']['ray_over_plain']}"),
        ("CPU of the workers in all", f"{cpu['in_all_yardstick']}–{cpu['in_all_as_the_sample']} CPU-hours"),
        ("cores that 10 Gbit/s feed", f"{figures['cores_that_10_gbit_a_second_feed'][0]}–{figures['cores_that_10_gbit_a_second_feed'][1]}"),
        ("CPU of deduplication, on the workers", f"{cpu['deduplicate']} CPU-hours"),
        ("CPU of decontamination, on the workers, where it is asked for", f"{cpu['decontaminate']} CPU-hours"),
        ("driver: writing the corpus", f"{driver['write_corpus']} hours"),
        ("driver's memory grows in extraction by", f"{memory['extraction']} GiB"),
        ("driver's memory grows in deduplication by", f"{memory['deduplication']} GiB"),
        ("the same, a million documents", f"{memory['deduplication_a_million_documents']} GiB"),
    ]
    lines = [
        "| cores | nodes | listing: read whole; headers | extraction: CPU | network so that no core waits | extraction: network "
        "| texts compared | in all | of it the driver alone |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in figures["table"]:
        hours, network = row["extraction_hours"], row["network_gb_a_second"]
        listing, in_all, alone = (row[name] for name in ("listing_hours", "hours_in_all", "share_of_hours_on_the_driver_alone"))
        lines.append(
            f"| {row['cores']:,} | {row['nodes']} | {listing['whole']}; {listing['headers']} h "
            f"| {hours['yardstick']}–{hours['as_the_sample']} h | {network['as_the_sample']}–{network['yardstick']} GB/s "
            f"| {row['hours_of_the_nodes_network']} h | {row['hours_of_texts_compared']} h | {in_all['whole']}; {in_all['headers']} h "
            f"| {alone['whole']:.0%}; {alone['headers']:.0%} |"
        )
    return "\n".join(["| what | how much |", "|---|---|", *(f"| {what} | {much} |" for what, much in work)]), "\n".join(lines)


def main() -> int:
    """Computes the model, prints it, writes it."""
    Parser(prog="python -m benchmarks.scale_model", description=__doc__ or "").parse_args()
    overhead = results("pipeline_long")["overhead"]
    figures = model(results("extract"), results(LARGEST_RUN), overhead, results("dedup"), results("stores"), probes())
    print(json.dumps(figures, indent=1), *page_tables(figures), sep="\n\n")
    print(f"written: {write_result('scale', figures)}")
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.scale_model", main)
