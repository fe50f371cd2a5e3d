"""The ways to maintain a fleet that a what-if puts side by side, one a file."""
