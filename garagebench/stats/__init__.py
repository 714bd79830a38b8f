"""Pure statistics: levels of confidence, estimates, tests and verdicts. No clock, no process."""
