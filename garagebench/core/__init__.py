"""The allocator core: layouts, garages, workloads, and the model that answers are held against. Standard library only."""
