"""`ca demo`: it serves the page to this machine only, and Ctrl-C ends it quietly."""

import http.client
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import serving

from ca.page.demo import _open_browser, page_server
from ca.system.errors import FailedError


@pytest.fixture
def port() -> Iterator[int]:
    with serving("<p>hello</p>") as number:
        yield number


def answer(port: int, method: str, path: str, host: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    response = connection.getresponse()
    found = response.status, response.read(), dict(response.getheaders())
    connection.close()
    return found


def test_server_answers_with_the_page_and_nothing_else(port: int) -> None:
    host = f"127.0.0.1:{port}"
    status, content, headers = answer(port, "GET", "/", host)
    assert (status, content) == (200, b"<p>hello</p>")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert answer(port, "GET", "/?a=b", f"localhost:{port}")[:2] == (200, b"<p>hello</p>")
    assert answer(port, "HEAD", "/", host)[:2] == (200, b"")
    for same in (f"LocalHost:{port}", f"localhost.:{port}", f"{host} "):
        assert answer(port, "GET", "/", same)[0] == 200, same
    for path in ("/other", "/../pyproject.toml", "/%2e%2e/etc/passwd", "/index.html"):
        assert answer(port, "GET", path, host)[0] == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert answer(port, method, "/", host)[0] == 501, method


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", ""])
def test_server_answers_no_other_host(port: int, host: str) -> None:
    status, content, _ = answer(port, "GET", "/", host)
    assert status == 421
    assert b"hello" not in content


def test_a_browser_that_does_not_start_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def refuse(address: str) -> None:
        opened.append(address)
        raise ValueError("No closing quotation")

    monkeypatch.setattr("webbrowser.open", refuse)
    _open_browser("http://127.0.0.1/")
    assert opened == ["http://127.0.0.1/"]


def test_server_is_on_the_loopback_interface_only() -> None:
    server = page_server("", 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_taken_port_prints_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(FailedError, match=rf"can't serve on port {number}: .+; choose another --port"):
            page_server("", number)


def test_connection_that_is_reset_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with serving("x" * 10_000_000) as port:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        assert answer(port, "HEAD", "/", f"127.0.0.1:{port}")[0] == 200
        while any("process_request" in thread.name for thread in threading.enumerate()):
            time.sleep(0.01)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("interrupts", [1, 2])
def test_demo_serves_until_it_is_interrupted(interrupts: int) -> None:
    command = [str(Path(sys.executable).with_name("ca")), "demo", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:(\d+)/  \(Ctrl-C ends it\)", line)
        assert found, line
        number = int(found[1])
        assert b"Cells that read digits" in answer(number, "GET", "/", f"127.0.0.1:{number}")[1]
        for _ in range(interrupts):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)  # the second comes while the interpreter ends
        output, error = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGINT)[:interrupts]
    assert (output.strip(), error) == ("", "")


def test_interrupt_while_demo_starts_prints_nothing() -> None:
    """The import of NumPy by PyTorch would swallow a KeyboardInterrupt, and go on without NumPy."""
    program = """
import os, signal, sys
from ca.cli import main

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "numpy":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
main(["demo", "--port", "0", "--no-browser"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.1:{port}", "localhost:{port}"])
def test_at_the_port_of_http_hosts_need_no_port(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    monkeypatch.setattr("ca.page.demo.HTTP_PORT", number)
    server = page_server("hello", number)
    threading.Thread(target=server.handle_request, daemon=True).start()
    assert answer(number, "GET", "/", host.format(port=number))[:2] == (200, b"hello")
    server.server_close()
