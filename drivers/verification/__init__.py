"""Verification by the tools the field uses, run on the hosts."""

from drivers.verification.verifier import ToolVerifier

__all__ = ["ToolVerifier"]
