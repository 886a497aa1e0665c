"""One run in parts, on machines that share nothing but files: planned, run, merged."""
