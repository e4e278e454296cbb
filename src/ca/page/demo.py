"""`ca demo`: serves the page to this machine only."""

import sys
import threading
import webbrowser
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ca.checkpoint.folder import BUNDLED_DRAWN, load_checkpoint
from ca.page.build import build_page
from ca.settings.commands import DemoSettings
from ca.system.errors import FailedError
from ca.system.signals import ended_by_ctrl_c

HOST = "127.0.0.1"
HTTP_PORT = 80
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",  # the next `ca demo` may serve another automaton at the same address
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def demo(settings: DemoSettings) -> None:
    """Serve the page until Ctrl-C, and open it in a browser.

    Raises:
        FailedError: checkpoint or data are missing, the automaton has another rule than the page's, or the
            port is taken
    """
    with ended_by_ctrl_c():
        checkpoint = load_checkpoint(settings.checkpoint, bundled=BUNDLED_DRAWN)
        page = build_page(checkpoint, checkpoint.load_test_digits(settings.data_dir))
    server = page_server(page, settings.port)
    address = f"http://{HOST}:{server.server_port}/"
    try:
        print(f"{address}  (Ctrl-C ends it)", flush=True)
        if settings.browser:
            threading.Thread(target=_open_browser, args=(address,), daemon=True).start()
        server.serve_forever()
    except KeyboardInterrupt:
        print()  # end the line with "^C"
    finally:
        server.server_close()


def _open_browser(address: str) -> None:
    with suppress(Exception):  # whatever BROWSER is set to: the address is printed
        webbrowser.open(address)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print no traceback when a browser closes a connection early."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def page_server(page: str, port: int) -> ThreadingHTTPServer:
    """A server of one page on the loopback interface; with port 0, at any port that is free.

    It answers only requests whose host is this address, so that a web site whose name resolves to this
    machine gets nothing (DNS rebinding).

    Raises:
        FailedError: the port is taken
    """
    content = page.encode()

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "ca", ""
        timeout = 30  # seconds that a connection may be silent

        def do_GET(self) -> None:
            self._answer(with_content=True)

        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def _answer(self, *, with_content: bool) -> None:
            host = self.headers.get("Host", "").strip().lower()
            if host.replace("localhost.", "localhost") not in hosts:
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            elif self.path.split("?")[0] != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                self.send_response(HTTPStatus.OK)
                for name, value in HEADERS.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if with_content:
                    self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Print nothing."""

    try:
        server = _Server((HOST, port), Handler)
    except OSError as error:
        raise FailedError(
            f"can't serve on port {port}: {error.strerror}; choose another --port, or 0 for any"
        ) from error
    names = (HOST, "localhost")
    hosts = [f"{name}:{server.server_port}" for name in names]
    if server.server_port == HTTP_PORT:  # browsers leave it out
        hosts += names
    return server
