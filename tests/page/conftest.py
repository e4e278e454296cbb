"""Fixtures of the page's tests."""

from support.browser import (  # noqa: F401 - fixtures
    browser,
    each_address,
    each_page,
    exported,
    html,
    page,
    phone,
    served,
)
