"""A server that was started, and what the kernel has booked for it."""
