"""A web server on this machine that misbehaves as a test wants."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Place:
    """What the server does for one path.

    Args:
        content: bytes of the file.
        cut: one for each request: of its answer so many bytes are sent, and then the connection ends.
        status: answered instead, one for each request; then the file is sent.
        ranges: it goes on where it is asked to.
        pause: seconds before each block of 1,000 bytes.
        hang: seconds before the first byte of the content.
    """

    def __init__(self, content, *, cut=(), status=(), ranges=True, pause=0.0, hang=0.0):
        self.content, self.ranges, self.pause, self.hang = content, ranges, pause, hang
        self.cut, self.status = list(cut), list(status)
        self.asked = []


@contextmanager
def serving(places):
    """The address of a server of `places`, path -> Place."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            place = places.get(self.path)
            if place is None:
                self.send_error(404)
                return
            place.asked.append(self.headers.get("Range"))
            if place.status:
                self.send_error(place.status.pop(0))
                return
            first, content = 0, place.content
            if place.ranges and self.headers.get("Range"):
                first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if first >= len(content) > 0 and first:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            content = content[first:]
            if place.cut:
                content = content[: place.cut.pop(0)]
            time.sleep(place.hang)
            for start in range(0, len(content), 1000):
                time.sleep(place.pause)
                self.wfile.write(content[start : start + 1000])
            self.close_connection = True

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
