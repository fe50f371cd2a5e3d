"""Parts of the machine that a test needs: absent, it skips with the reason; where all are required, it fails."""

import os

import pytest


def require(part: str, present: bool, why: str) -> None:
    """Go on if `present`; else skip the test, or fail it when `MAINTRAIN_REQUIRE=all`."""
    if present:
        return
    if os.environ.get("MAINTRAIN_REQUIRE") == "all":
        pytest.fail(f"{part} is required here and missing: {why}")
    pytest.skip(f"{part}: {why}")
