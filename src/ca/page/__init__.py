"""`ca demo` and `ca export`: the page to draw on; its sources are in `web/`."""
