"""The two trees of a gate: copies of revisions in a directory of their own."""
