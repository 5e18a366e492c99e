"""A server of the tests: generated data sets behind the interfaces of NEMAR, OpenNeuro and Zenodo, faults included."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Archive:
    """files: path -> content, of the data set `accession`. Faults are set by path, and count how often they happen.

    broken: breaks off after half, so many times. corrupt: sends one byte wrong, so many times. stalled: sends half and
    then nothing, until `release`. gone: 404. unavailable: 503, so many times. no_ranges: always sends all.
    """

    def __init__(self, accession="nm000999", page=1000):
        self.accession, self.page, self.files = accession, page, {}
        self.broken, self.corrupt, self.unavailable = {}, {}, {}
        self.stalled, self.gone, self.wrong_sums = set(), set(), set()
        self.no_ranges = False
        self.asked = []
        self.on_file = lambda: None
        self.about = {
            "title": "Noise",
            "license": {"id": "cc-zero"},
            "creators": [{"name": "A. Nobody"}],
            "doi": "10.0/1",
        }
        self.release = threading.Event()
        handler = type("Handler", (_Handler,), {"archive": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add_folder(self, root):
        """Everything below a folder."""
        self.files |= {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    def md5(self, path):
        wrong = "0" * 32 if path in self.wrong_sums else ""
        return wrong or hashlib.md5(self.files[path]).hexdigest()

    def transfers(self, path):
        """The ranges that were asked for of a file, "" for all of it."""
        return [begin for one, begin in self.asked if one == path]


class _Handler(BaseHTTPRequestHandler):
    archive: Archive
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        a = self.archive
        split = urlsplit(self.path)
        path = unquote(split.path).strip("/")
        if path == a.accession:
            self._json({"latest": "v1"})
        elif path == f"{a.accession}/metadata.json":
            self._json(a.about)
        elif path == f"{a.accession}/v1/manifest.json":
            files = [
                {"path": p, "bytes_url": f"{a.url}/data/{p}", "size": len(c), "checksum": a.md5(p)}
                for p, c in a.files.items()
            ]
            self._json([{**one, "checksum_algorithm": "md5"} for one in files])
        elif path == f"api/records/{a.accession.partition(':')[2]}":
            files = [
                {"key": p, "size": len(c), "checksum": f"md5:{a.md5(p)}", "links": {"self": f"{a.url}/data/{p}"}}
                for p, c in a.files.items()
            ]
            self._json({"metadata": a.about, "files": files})
        elif path == "" and "list-type" in split.query:
            self._bucket(parse_qs(split.query))
        elif path.startswith("data/"):
            self._file(path.removeprefix("data/"))
        elif path.startswith(f"{a.accession}/"):
            self._file(path.removeprefix(f"{a.accession}/"))
        else:
            self.send_error(404)

    def _json(self, content):
        self._whole(json.dumps(content).encode())

    def _whole(self, data):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _bucket(self, query):
        a = self.archive
        names = sorted(a.files)
        first = int(query.get("continuation-token", ["0"])[0])
        entries = "".join(
            f"<Contents><Key>{a.accession}/{p}</Key><Size>{len(a.files[p])}</Size><ETag>&quot;{a.md5(p)}&quot;</ETag></Contents>"
            for p in names[first : first + a.page]
        )
        following = first + a.page
        token = f"<NextContinuationToken>{following}</NextContinuationToken>" if following < len(names) else ""
        self._whole(f'<?xml version="1.0"?><ListBucketResult xmlns="x">{entries}{token}</ListBucketResult>'.encode())

    def _file(self, path):
        a = self.archive
        begin = self.headers.get("Range", "")
        a.asked.append((path, begin))
        a.on_file()
        if path in a.gone or path not in a.files:
            self.send_error(404)
            return
        if a.unavailable.get(path, 0):
            a.unavailable[path] -= 1
            self.send_error(503)
            return
        data = a.files[path]
        first = int(begin.removeprefix("bytes=").removesuffix("-")) if begin and not a.no_ranges else 0
        if a.corrupt.get(path, 0):
            a.corrupt[path] -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        half = first + (len(data) - first) // 2
        if a.broken.get(path, 0):
            a.broken[path] -= 1
            self.wfile.write(data[first:half])
            self.close_connection = True
        elif path in a.stalled:
            self.wfile.write(data[first:half])
            self.wfile.flush()
            a.release.wait(30)
            self.close_connection = True
        else:
            self.wfile.write(data[first:])
