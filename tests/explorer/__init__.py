"""The lease protocol, explored: every state of a small fleet over the real policies and the real store."""
