"""Several processes on one garage at once."""
