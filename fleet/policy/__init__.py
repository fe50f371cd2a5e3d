"""Decisions: pure functions of facts to a frozen Decision with its reason in words."""
