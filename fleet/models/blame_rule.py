"""The numbers of blame and of lemons. They are set before a rollout starts: the error bounds hold for fixed ones."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from fleet.models.base import Fact


class BlameRule(Fact):
    """When a version is to blame."""

    false_alarms: float = Field(
        0.01, gt=0, lt=1, description="most chance to blame a good version, however often asked"
    )
    ask_apart: float = Field(10.0, gt=1, description="odds against versions together at which they are boarded apart")
    matters: float = Field(5.0, gt=1, description="times the usual failures that make a version bad, for acquittal")
    acquit: float = Field(20.0, gt=1, description="odds at which a version is acquitted of the failures so far")
    elsewhere: float = Field(
        0.1, gt=0, lt=1, description="chance of so few failures on a hardware model beside the worst one that clears it"
    )
    ratios: tuple[float, ...] = Field((4.0, 8.0), description="times the usual failures that are bet on")
    ratio_weights: tuple[float, ...] = Field((0.5, 0.5), description="share of the capital on each ratio")
    on_visits: float = Field(0.45, gt=0, lt=1, description="share on: visits fail more")
    on_both: float = Field(0.3, gt=0, lt=1, description="share on: visits and production fail more")
    on_all_hardware: float = Field(
        0.6, gt=0, lt=1, description="share on: every hardware model; the rest on single ones"
    )
    controls_per_visit: float = Field(30.0, gt=0, description="control visits that one visit is compared with")
    controls_per_day: float = Field(100.0, gt=0, description="the same in production, where control is plenty: days")
    least_share: float = Field(
        0.02, gt=0, le=1, description="share of the waiting control that one trial may take, so that it lasts"
    )
    thin: float = Field(1.0, gt=0, description="control per exposure below which the bound is asked instead")
    visit_failures_at_most: float = Field(
        0.05, gt=0, lt=1, description="failures a visit that no healthy pool exceeds: the bound while control is thin"
    )
    production_failures_at_most: float = Field(0.005, gt=0, lt=1, description="the same for a day in production")
    oldest_control: timedelta = Field(timedelta(days=90), description="older control trials are forgotten")
    chunk: int = Field(5, ge=1, description="control trials that are kept and spent together")
    most_chunks: int = Field(1200, ge=1, description="chunks kept of a kind; the oldest go first")
    usual_failures: float = Field(0.01, gt=0, lt=1, description="a host's failures a visit, to weigh its record by")
    host_spread: float = Field(
        0.5, gt=0, description="shape of the gamma spread of hosts' own rates: less believes records more"
    )
    known_bad: float = Field(3.0, gt=1, description="times the usual rate, by its record, that make a host a bad one")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.ratios or min(self.ratios) <= 1:
            raise ValueError("expected ratios above 1")
        if len(self.ratios) != len(self.ratio_weights) or abs(sum(self.ratio_weights) - 1) > 1e-9:  # noqa: PLR2004
            raise ValueError("expected a weight for each ratio, 1 in all")
        if min(self.ratio_weights) <= 0:
            raise ValueError("expected weights above 0")
        if self.on_visits + self.on_both >= 1:
            raise ValueError("expected on_visits and on_both to leave a share for production")
        return self


class LemonRule(Fact):
    """When a host is a lemon."""

    least_failures: int = Field(3, ge=2, description="failures that a lemon has at least")
    least_versions: int = Field(2, ge=1, description="different sets of versions it failed under at least")
    within: timedelta = Field(timedelta(days=180), description="how far back failures count")
    false_lemons: float = Field(
        0.01, gt=0, lt=1, description="most chance that any host of the fleet is named by bad luck"
    )
