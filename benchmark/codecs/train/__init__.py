"""Training of the bundled learned codecs: `python -m benchmark.codecs.train mini-elic`."""
