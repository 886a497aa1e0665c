"""A run as two files, one JSON record and its outcomes, and the store made from such files."""
