"""How much maintenance two cores carry, beside a bare Temporal program of the same shape. `make bench` runs it."""
