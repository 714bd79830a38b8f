"""What `check`, `compare` and `selftest` measure: two trees, files, and gates of known outcome."""
