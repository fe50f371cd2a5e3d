"""One check of `health_checks` (gpucm), run as `nagios` with `--verbose-out`: `OK - check zombie. No zombie …`, exit 0.

Word and exit status must agree. A check that its kill switch turned off says OK as well, and proves nothing.
"""

import re

from drivers.verification.answer import Answer, doubt
from fleet.models.verification import Category, Finding

_LINE = re.compile(r"(OK|WARNING|CRITICAL|UNKNOWN) - (\S.{2,400})")
_STATUS = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
_NOT_DONE = ("is disabled", "killswitch", "did not exit normally", "exception")


def parse_gpucm(stdout: str, status: int, check: str, category: Category) -> Answer:
    """Judge one check, named as on its command line. Its warnings also mean that it could not look: inconclusive."""
    lines = stdout.strip().splitlines()
    found = _LINE.fullmatch(lines[0].strip()) if lines else None
    if found is None:
        return doubt(f"{check}: expected a line such as 'OK - name', found {(lines or [''])[0][:80]!r}")
    word, said = found[1], found[2]
    if _STATUS[word] != status:
        return doubt(f"{check}: says {word} and ends with exit status {status}")
    if any(sign in stdout.lower() for sign in _NOT_DONE):
        return doubt(f"{check}: it did not look: {said[:160]}")
    if word == "CRITICAL":
        return Answer((Finding(category=category, summary=f"{check}: {said[:240]}", evidence=stdout.strip()),))
    return Answer() if word == "OK" else doubt(f"{check}: {word.lower()}: {said[:240]}")
