"""State as text."""
