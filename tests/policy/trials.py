"""Trials for the tests of blame and lemons."""

from datetime import UTC, datetime, timedelta

from fleet.models.blame import HostRecord, Suspect, Trial, TrialKind
from fleet.models.verification import Category, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DRIVER = Suspect(component="gpu-driver", version="560.1")
NIC = Suspect(component="nic-firmware", version="28.4")


def trial(host: str, *carried: Suspect, failed: bool = False, minute: float = 0, **more) -> Trial:
    """One trial, a visit that passed unless told otherwise."""
    more = {"record": HostRecord(visits=10), "hardware": "h100"} | more
    verdict = more.pop("verdict", Verdict.FAILED if failed else Verdict.PASSED)
    return Trial(host=host, versions=carried, verdict=verdict, at=NOW + timedelta(minutes=minute), **more)


def history(count: int = 1000, every: int = 100, **more) -> list[Trial]:
    """Visits without a suspect before the rollout; one in `every` failed."""
    return [trial(f"old{n:05}", failed=n % every == every - 1, minute=n - count - 1, **more) for n in range(count)]


def production(host: str, *carried: Suspect, days: float = 1.0, **more) -> Trial:
    """Days in production."""
    return trial(host, *carried, kind=TrialKind.PRODUCTION, days=days, **more)


HARDWARE = {"verdict": Verdict.FAILED, "category": Category.HARDWARE}
