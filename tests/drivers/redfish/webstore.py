"""An HTTP store of images: a folder on loopback, with entity tags."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Its address, and the statuses of its answers so far."""
    statuses: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/")
            body = path.read_bytes() if path.is_file() else b""
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            status = 404 if not path.is_file() else 304 if self.headers.get("If-None-Match") == tag else 200
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
        yield f"http://127.0.0.1:{server.server_port}", statuses
        server.shutdown()
        thread.join()
