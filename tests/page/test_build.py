"""The page as one file: it makes no request, and runs only its own script."""

import re
import zlib
from pathlib import Path

import torch
from playwright.sync_api import Browser
from support.browser import centre_of, closed, load, new_page, open_details, opened, wait_until
from support.helpers import random_automaton, saved_automaton

from ca.checkpoint.folder import load_checkpoint
from ca.data.load import load_digits
from ca.page.build import build_page


def test_page_makes_no_request_and_works_offline(browser: Browser, each_address: str) -> None:
    page = new_page(browser)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    load(page, each_address)
    page.context.set_offline(True)
    open_details(page)
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
    wait_until(page, f"ca.app.session.board.aliveCells().length > {alive}")
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [each_address]
    closed(page)


def test_policy_refuses_requests_and_foreign_scripts(browser: Browser, each_address: str) -> None:
    page = opened(browser, each_address)
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
        each_address,
    )
    assert refused == [["connect-src", "img-src", "script-src-elem"], None]
    page.context.close()


def test_page_names_no_resource(html: str) -> None:
    assert not re.search(r"""(src|href|action)\s*=\s*["']?(https?:)?//""", html)
    assert "@import" not in html
    assert "unsafe" not in html


def test_page_is_small(html: str) -> None:
    assert len(html.encode()) <= 500_000
    assert len(zlib.compress(html.encode())) < 300_000


def test_page_holds_the_users_own_automaton(tmp_path: Path) -> None:
    one, other = (
        load_checkpoint(saved_automaton(tmp_path / str(seed), random_automaton(seed, dtype=torch.float32)))
        for seed in (1, 2)
    )
    digits = load_digits("mnist", "test")
    assert build_page(one, digits) != build_page(other, digits)
    assert build_page(one, digits) == build_page(one, digits)


def test_html_in_a_name_is_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "</script><script>alert(1)"
    path = saved_automaton(folder, random_automaton(dtype=torch.float32))
    renamed = path.rename(path.parent / "<b>&amp;")
    page_file = tmp_path / "page.html"
    page_file.write_text(build_page(load_checkpoint(renamed), load_digits("mnist", "test")), encoding="utf-8")
    page = opened(browser, page_file.as_uri())
    assert page.inner_text("#automaton-name") == "<b>&amp;"
    closed(page)
