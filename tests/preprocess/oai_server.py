"""A small OAI-PMH server for tests: pages of arXivRaw records with resumption tokens, and the faults that a real one has."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Mapping[str, str], bytes]


def record(arxiv_id: str, datestamp: str, *, num_versions: int = 1, is_deleted: bool = False, **fields: str) -> str:
    """One record in XML; a field that is empty is left out, as arXiv leaves out those that a paper has not."""
    status = ' status="deleted"' if is_deleted else ""
    names = f"<identifier>oai:arXiv.org:{arxiv_id}</identifier><datestamp>{datestamp}</datestamp><setSpec>math</setSpec>"
    header = f"<header{status}>{names}</header>"
    if is_deleted:
        return f"<record>{header}</record>"
    values = {
        "id": arxiv_id,
        "submitter": "E. N.",
        "title": f"On  {arxiv_id}",
        "authors": "Emmy N\u00f6ther",
        "categories": "math.AG cs.IT",
        "abstract": "We show that a < b & c.\n  Then all is well.",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    versions = "".join(
        f'<version version="v{number}"><date>Mon, {number} Apr 2007 19:18:42 GMT</date><size>1kb</size></version>'
        for number in range(1, num_versions + 1)
    )
    content = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items() if value)
    return f'<record>{header}<metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">{versions}{content}</arXivRaw></metadata></record>'


def answer(content: str) -> bytes:
    """A whole answer around what a verb gives."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f'<responseDate>2026-11-01T00:00:00Z</responseDate><request verb="ListRecords">http://127.0.0.1/oai</request>{content}</OAI-PMH>\n'
    ).encode()


def page(records: Sequence[str], token: str | None, size: int) -> bytes:
    """A page of records; `token` empty: the last of several, None: the only one."""
    end = "" if token is None else f'<resumptionToken cursor="0" completeListSize="{size}">{escape(token)}</resumptionToken>'
    return answer(f"<ListRecords>{''.join(records)}{end}</ListRecords>")


@dataclass
class Endpoint:
    """Serves `sets` in pages of `page_records`. `faults` may answer in its place: (number of the request, its terms) -> answer or None."""

    sets: Mapping[str, Sequence[str]]
    page_records: int = 3
    faults: Callable[[int, Mapping[str, str]], Answer | None] = lambda _number, _asked: None
    asked: list[Mapping[str, str]] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    url: str = ""

    def respond(self, asked: Mapping[str, str]) -> Answer:
        """The answer to one request."""
        self.asked.append(asked)
        self.asked_at.append(time.monotonic())
        if (fault := self.faults(len(self.asked), asked)) is not None:
            return fault
        if "resumptionToken" in asked:
            assert asked.keys() == {"verb", "resumptionToken"}
            name, start = asked["resumptionToken"].rsplit("|", 1)
        else:
            assert asked["metadataPrefix"] == "arXivRaw"
            name, start = asked.get("set", ""), "0"
        records = self.sets.get(name, [])
        if not records:
            return 200, {}, answer('<error code="noRecordsMatch">nothing is there</error>')
        end = int(start) + self.page_records
        token = f"{name}|{end}" if end < len(records) else ("" if int(start) else None)
        return 200, {}, page(records[int(start) : end], token, len(records))


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    """The endpoint on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            code, headers, content = endpoint.respond(asked)
            self.send_response(code)
            for name, value in ({"Content-Length": str(len(content))} | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/oai"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
