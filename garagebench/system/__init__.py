"""The machine: caches, cores, signals, and processes that must not outlive their parent."""
