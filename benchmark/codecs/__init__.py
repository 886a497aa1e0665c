"""Codecs: one file a family."""
