"""An HTTP store of images: a folder on loopback, with entity tags."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(folder: Path, failing: int | None = None) -> Iterator[tuple[str, list[int]]]:
    """Its address, and the statuses of its answers so far; `failing`: the status of all of them."""
    statuses: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/")
            body = path.read_bytes() if path.is_file() else b""
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            known = self.headers.get("If-None-Match") == tag
            status = failing or (404 if not path.is_file() else 304 if known else 200)
            statuses.append(status)
            self.send_response(status)
            self.send_header("ETag", tag)
            self.end_headers()
            if status == 200:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", statuses
        finally:
            server.shutdown()
            thread.join()
