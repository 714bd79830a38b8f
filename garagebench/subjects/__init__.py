"""What can be measured, a module a kind."""
