"""The service around the benchmark: command line, engines, store, site."""
