"""Settings of the commands, with defaults and limits. No heavy imports, so that `ca --help` is fast."""
