"""`ca demo` and `ca export`: a page to draw on, where the automaton runs; its sources are in `web/`."""
