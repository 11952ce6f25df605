"""The figures that matter, out of `benchmarks/results/*.json`, as the page `docs/results.md`: no figure there is written by hand.

    python -m benchmarks.results_page

Each row names the result's file; commit, machine and date stand in it. A test holds the page and the files together.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.record import LARGEST_RUN, RESULTS
from shards.cli import Parser, run
from shards.commit import write_bytes

PAGE = Path(__file__).resolve().parent.parent / "docs" / "results.md"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the page: `figure` takes the `figures` of `result`'s file."""

    result: str
    question: str
    figure: Callable[[Any], str]
    goal: str = ""


def _percent(share: float, places: int = 1) -> str:
    return f"{100 * share:.{places}f} %"


def _peer(figures: Any, name: str) -> str:
    peer = figures["side_by_side"][name]
    return f"{peer['ours_is_times_faster']} × {name} {peer['version']}, {peer['papers'] - len(peer['failed'])} papers that it ends"


ROWS = (
    Row(
        result="extract_alone",
        question="LaTeX to described text, everything on, MB of TeX a CPU second",
        figure=lambda f: (
            f"{f['ours_on_everything']['mb_per_cpu_second']:.2f} over {f['ours_on_everything']['tex_bytes_read'] / 1e6:.0f} MB"
        ),
        goal="3",
    ),
    Row(result="extract", question="speed beside pylatexenc", figure=lambda f: _peer(f, "pylatexenc"), goal="10 ×"),
    Row(result="extract", question="speed beside LaTeXML", figure=lambda f: _peer(f, "latexml"), goal="400 ×"),
    Row(result="extract", question="speed beside pandoc", figure=lambda f: _peer(f, "pandoc")),
    Row(
        result="extraction_yield",
        question="papers with TeX that give a good text",
        figure=lambda f: f"{f['good']} of {f['with_tex']} ({_percent(f['share'])})",
        goal="97 %",
    ),
    Row(
        result="fidelity",
        question="recall of word 3-grams against LaTeXML's text: as it is; without its faults",
        figure=lambda f: f"{f['as_they_are']['recall_latexml']:.4f}; {f['without_faults']['recall_latexml']:.4f}",
        goal="0.95",
    ),
    Row(
        result="fidelity",
        question="precision against it: as it is; papers of one root without its faults",
        figure=lambda f: f"{f['as_they_are']['precision_latexml']:.4f}; {f['precision_latexml_of_one_root']:.4f}",
        goal="0.94",
    ),
    Row(
        result="fidelity",
        question="numbers of it that are in ours: as it is; without its faults",
        figure=lambda f: f"{f['as_they_are']['numbers']:.4f}; {f['without_faults']['numbers']:.4f}",
        goal="0.93",
    ),
    Row(
        result="fidelity",
        question="order; formulas; control words outside of math and code a kB",
        figure=lambda f: "; ".join(f"{f['as_they_are'][name]:.4f}" for name in ("order", "formulas", "commands_per_kb")),
        goal="0.98; 0.85; 0.10",
    ),
    Row(
        result="fidelity",
        question="recall against the PDFs, on the papers that have both references: ours; LaTeXML's",
        figure=lambda f: "; ".join(f"{f['as_they_are'][f'recall_pdf_both_{whose}']:.4f}" for whose in ("ours", "latexml")),
        goal="above LaTeXML's",
    ),
    Row(
        result="dedup",
        question="near duplicates by pairs, true Jaccard similarity of 0.8 and more: recall; precision",
        figure=lambda f: (
            f"{f['quality']['pairs']['recall']:.3f}; {f['quality']['pairs']['precision']:.3f} on {f['quality']['documents']:,} documents"
        ),
        goal="0.98; 0.98",
    ),
    Row(
        result="pipeline_long",
        question="CPU of the Ray run beside a plain pool's that writes the same, papers of arXiv's length, start apart",
        figure=lambda f: f"{f['overhead']['ray_over_plain']:.2f} on {f['overhead']['papers']:,} made papers",
        goal="1.10",
    ),
    Row(
        result="pipeline_20000",
        question="the same on short papers; CPU of a paper at 2 workers beside 1",
        figure=lambda f: (
            f"{f['overhead']['ray_over_plain']:.2f}; {f['overhead']['cpu_a_paper_at_2_workers_over_1']:.2f}"
            f" on {f['overhead']['papers']:,} made papers"
        ),
        goal="1.10; 1.05",
    ),
    Row(
        result=LARGEST_RUN,
        question="first third of a run; last third: papers a second, MiB of the driver, MiB of the largest worker",
        figure=lambda f: "; ".join(
            f"{f['run']['papers_a_second'][f'{third}_third']:.0f}, {f['run']['peak_mib'][f'driver_{third}_third']},"
            f" {f['run']['peak_mib'][f'worker_{third}_third']}"
            for third in ("first", "last")
        ),
        goal="the same",
    ),
    Row(
        result="stores",
        question="reading from an object store: CPU seconds a GB, ours (obstore); others",
        figure=lambda f: "; ".join(
            f"{name} {min(row['cpu_seconds_per_gigabyte'] for row in f['rows'] if row['library'] == name and row['weather'] == 'good'):.2f}"
            for name in sorted({row["library"] for row in f["rows"]})
        ),
    ),
    Row(
        result="tokenizer",
        question="bytes a token in math more than a Llama-style tokenizer of 32,000 on the same sample",
        figure=lambda f: _percent(f["more_bytes_a_token_than_llama_style"]["32000 math"]),
        goal="15 %",
    ),
    Row(
        result="tokenizer",
        question="500 commonest control sequences, each in 225 contexts: one token, always the same; parted in 10^5 of held-out papers",
        figure=lambda f: (
            f"{_percent(f['tokenizers']['ours-32000']['contexts']['whole_and_stable'])};"
            f" {f['tokenizers']['ours-32000']['control_sequences']['parted_per_100000']:.1f}"
        ),
        goal="99.5 %; 1",
    ),
    Row(
        result="tokenizer",
        question="documents of the dump that do not come back from the tokenizer; from the exported one; whose exported ids differ",
        figure=lambda f: (
            f"{f['encoding']['documents_that_do_not_come_back']['ours']};"
            f" {f['encoding']['documents_that_do_not_come_back']['hugging face']};"
            f" {f['encoding']['hugging face tokenizers']['documents_with_other_ids']} of {f['encoding']['documents']}"
        ),
        goal="0",
    ),
    Row(
        result="token_shards",
        question="uint16 ids at level 3 and 64 KiB frames: share of the plain bytes; random reads of 4096 tokens a CPU second",
        figure=lambda f: "; ".join(
            f"{_percent(row['share_of_plain'])}; {row['random_reads_per_cpu_second_warm_pages']:,.0f}"
            for row in f["packed"]
            if (row["dtype"], row["level"], row["frame_bytes"]) == ("uint16", 3, 1 << 16)
        ),
        goal="55 %; 2,000",
    ),
    Row(
        result="tokenizer",
        question="encoding, MB a second a core: ours from an empty cache; again; SentencePiece",
        figure=lambda f: "; ".join(
            f"{f['encoding'][name]['mb_per_second_a_core']:.1f}" for name in ("fast, from an empty cache", "fast, again", "sentencepiece")
        ),
        goal="3 × SentencePiece",
    ),
    Row(
        result="cross_entropy",
        question="memory of the chunked loss beside the plain one, vocabulary of 102,400",
        figure=lambda f: _percent(f["published_vocabulary"]["peak_ratio"]),
    ),
    Row(
        result="whole_way",
        question="the whole way on 374 members: documents and rejections; bits a byte after 200 CPU steps, below unigram by",
        figure=lambda f: (
            f"{f['preprocess']['documents']} of {f['preprocess']['members']};"
            f" {f['train']['validation_bits_per_byte_after']:.3f}, {_percent(f['train']['below_unigram'])}"
        ),
    ),
    Row(
        result="cpu_run",
        question="data stall of a training run of half an hour on CPU",
        figure=lambda f: _percent(f["data_stall_share"], 4),
        goal="0.5 %",
    ),
    Row(
        result="soak_preprocess",
        question="runs over real papers on three nodes, each with an actor, a raylet and the driver killed, that came out the same",
        figure=lambda f: (
            f"{f['seeds_with_equal_bytes']} of {f['seeds']} ({sum(f['kills'].values())} kills, {f['attempts']} attempts;"
            f" {f['units_begun_again']} units of {f['units'] * f['seeds']:,} begun again)"
        ),
        goal="all",
    ),
    Row(
        result="soak_preprocess_store",
        question="the same with source and output on an S3 server behind a proxy of faults",
        figure=lambda f: f"{f['seeds_with_equal_bytes']} of {f['seeds']} ({sum(f['kills'].values())} kills, {f['attempts']} attempts)",
        goal="all",
    ),
    Row(
        result="first_act",
        question="a job submitted from a clean clone: MB uploaded; units when it was stopped, of all; submitted again, the same bytes",
        figure=lambda f: (
            f"{f['upload_bytes_after_set_up'] / 1e6:.1f}; {f['units_after_first']} of {f['units']}; {'yes' if f['bytes_equal'] else 'no'}"
        ),
        goal="5; ; yes",
    ),
    Row(
        result="data_stall",
        question="data stall of the same short run from `.bin.zst`; from the plain, mapped `.bin`; losses",
        figure=lambda f: (
            "; ".join(_percent(max(f["forms"][form]["data_stall_share"]), 3) for form in ("bin.zst", "plain bin"))
            + ("; equal" if f["losses_equal"] else "; not equal")
        ),
        goal="the same",
    ),
    Row(
        result="soak_kills",
        question="kills of a training run after which weights and losses were those of an undisturbed one",
        figure=lambda f: f"{f['kills'] if f['weights_equal'] and f['losses_equal'] else 0} of {f['kills']}",
    ),
)


def page() -> str:
    """The page's text, from the results as they lie there."""
    lines = [
        "# Results",
        "",
        "Made by `python -m benchmarks.results_page` from `benchmarks/results/`; each file says its commit, machine and date. The",
        "machine had two cores and no GPU.",
        "",
        "| question | figure | goal | result |",
        "|---|---|---|---|",
    ]
    for row in ROWS:
        figures = json.loads((RESULTS / f"{row.result}.json").read_text())["figures"]
        lines.append(f"| {row.question} | {row.figure(figures)} | {row.goal} | `{row.result}.json` |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes the page."""
    Parser(prog="python -m benchmarks.results_page", description=__doc__ or "").parse_args()
    write_bytes(PAGE, page().encode())
    print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    run("results_page", main)
