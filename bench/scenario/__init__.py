"""`make scenario`: everything at once on one fleet, with the worker and the server killed again and again."""
