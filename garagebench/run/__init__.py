"""What `run`, `list` and `verify` do: who takes part, what is measured, and the rows that follow."""
