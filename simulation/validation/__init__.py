"""Why the simulator may be believed: what it answers beside closed forms and published figures, with the errors."""
