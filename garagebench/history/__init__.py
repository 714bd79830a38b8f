"""Results over time: what a commit measured, where that is kept, and where a line bends."""
