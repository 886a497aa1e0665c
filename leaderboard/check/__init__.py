"""`squeezebench check`: what a submission is told before anybody evaluates it."""
