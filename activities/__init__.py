"""Thin hands of the workflows: read facts, ask a policy, call a port, write what happened.

A class a file, with what it needs given to its constructor; errors are mapped to the failure tree in `running`.
"""
