"""Right answers first: an implementation held against the model, and the shortest calls that show a wrong one."""
