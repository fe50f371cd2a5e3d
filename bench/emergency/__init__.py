"""An emergency over a large fleet while a train is in the middle of a visit: how soon its first drain comes."""
