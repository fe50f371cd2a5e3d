"""Decisions about one host."""
