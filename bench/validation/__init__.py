"""The simulator beside closed forms, published figures and the real system: `python -m bench.validation`."""
