"""What a user can set, with defaults and limits. Kept without heavy imports, so that `ca --help` is fast."""
