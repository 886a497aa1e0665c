"""`squeezebench new`: a submission that works, to start from."""
