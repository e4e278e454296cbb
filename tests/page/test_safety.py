"""The page asks nobody for anything, runs only its own script, and is served to this machine alone."""

import http.client
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.browser import centre_of, closed, opened, wait_until
from support.helpers import random_automaton, saved_automaton
from torch import float32

from ca.checkpoint.folder import load_checkpoint
from ca.cli import main
from ca.data.digits import load_digits
from ca.page.build import build_page
from ca.page.demo import page_server
from ca.system.errors import FailedError


def test_no_request_but_the_page_and_all_works_offline(browser: Browser, address: str) -> None:
    page = browser.new_context().new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.add_init_script("globalThis.errors = []; addEventListener('error', (e) => errors.push(e.message))")
    page.goto(address)
    page.context.set_offline(True)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.select_option("#side", "140")
    page.click("#random")
    page.click("#check")
    assert "The same rule" in page.inner_text("#check-result")
    page.click("#link")
    with page.expect_download():
        page.click("#png")
    with page.expect_download():
        page.click("#gif")
        page.click("#gif")
    page.locator("#board").scroll_into_view_if_needed()
    wait_until(page, "ca.app.visible")
    ticks, alive = page.evaluate("[ca.app.session.board.ticks, ca.app.session.board.aliveCells().length]")
    page.mouse.click(*centre_of(page, 70, 2))
    wait_until(page, f"ca.app.session.board.ticks > {ticks + 3}")
    assert page.evaluate("ca.app.session.board.aliveCells().length") > alive
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [address]
    closed(page)


def test_policy_refuses_requests_and_foreign_scripts(browser: Browser, address: str) -> None:
    page = opened(browser, address)
    refused = page.evaluate(
        """async (address) => {
          const broken = [];
          addEventListener("securitypolicyviolation", (event) => broken.push(event.effectiveDirective));
          await fetch(address).catch(() => {});
          const script = document.createElement("script");
          script.textContent = "globalThis.foreign = true";
          document.body.append(script);
          const picture = new Image();
          picture.src = "http://127.0.0.1:9/picture.png";
          const pause = () => new Promise((done) => setTimeout(done, 20));
          for (let turn = 0; turn < 500 && broken.length < 3; turn++) await pause();
          return [broken.sort(), globalThis.foreign ?? null];
        }""",
        address,
    )
    assert refused == [["connect-src", "img-src", "script-src-elem"], None]
    page.context.close()


def test_page_names_no_resource(html: str) -> None:
    assert not re.search(r"""(src|href|action)\s*=\s*["']?(https?:)?//""", html)
    assert "@import" not in html
    assert "unsafe" not in html


def test_export_writes_what_demo_serves(
    html: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new folder" / "page.html"
    bundled = Path(__file__).parents[2] / "checkpoints" / "model-steps-100000"
    main(["export", str(bundled), str(path)])
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text(encoding="utf-8") == html
    assert [child.name for child in path.parent.iterdir()] == ["page.html"]


def test_page_holds_the_users_own_automaton(tmp_path: Path) -> None:
    one, other = (
        load_checkpoint(saved_automaton(tmp_path / str(seed), random_automaton(seed, dtype=float32)))
        for seed in (1, 2)
    )
    digits = load_digits("mnist", "test")
    assert build_page(one, digits) != build_page(other, digits)
    assert build_page(one, digits) == build_page(one, digits)


def test_a_name_that_would_end_the_data_does_not(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "</script><script>alert(1)"
    path = saved_automaton(folder, random_automaton(dtype=float32))
    renamed = path.rename(path.parent / "<b>&amp;")
    page_file = tmp_path / "page.html"
    page_file.write_text(build_page(load_checkpoint(renamed), load_digits("mnist", "test")), encoding="utf-8")
    page = opened(browser, page_file.as_uri())
    assert page.inner_text("#automaton-name") == "<b>&amp;"
    closed(page)


@pytest.mark.parametrize("target", ["folder", "below a file"])
def test_export_that_can_not_be_written_is_one_line(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept")
    path = {"folder": tmp_path, "below a file": tmp_path / "file" / "page.html"}[target]
    with pytest.raises(SystemExit) as caught:
        main(["export", str(saved_automaton(tmp_path / "c", random_automaton(dtype=float32))), str(path)])
    assert caught.value.code == 1
    assert re.fullmatch(rf"ca: can't write {re.escape(str(path))}: .+\n", capsys.readouterr().err)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.fixture
def port() -> Iterator[int]:
    server = page_server("<p>hello</p>", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


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
    for path in ("/other", "/../pyproject.toml", "/%2e%2e/etc/passwd", "/index.html"):
        assert answer(port, "GET", path, host)[0] == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert answer(port, method, "/", host)[0] == 501, method


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", ""])
def test_server_answers_no_other_host(port: int, host: str) -> None:
    status, content, _ = answer(port, "GET", "/", host)
    assert status == 421
    assert b"hello" not in content


def test_server_is_on_the_loopback_interface_only() -> None:
    server = page_server("", 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(FailedError, match=rf"can't serve on port {number}: .+; choose another --port"):
            page_server("", number)


def test_demo_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("ca")), "demo", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:(\d+)/  \(Ctrl-C ends it\)", line)
        assert found, line
        number = int(found[1])
        assert b"Cells that read digits" in answer(number, "GET", "/", f"127.0.0.1:{number}")[1]
        process.send_signal(2)
        output, error = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (output.strip(), error) == ("", "")
