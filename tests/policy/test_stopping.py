"""What may begin under a stop or a freeze."""

import pytest

from fleet.models.stop import StopKind
from fleet.policy.stopping import Deed, Proceed, may_begin
from tests.policy.make import stop

GO, END, HOLD = Proceed.GO, Proceed.END_HERE, Proceed.HOLD

#       deed, repair, safe point: under a stop, under a freeze
TABLE = {
    (Deed.GRANT, False, True): (END, END),
    (Deed.DRAIN, False, True): (END, END),
    (Deed.DISRUPT, False, True): (END, END),
    (Deed.DISRUPT, False, False): (GO, HOLD),
    (Deed.RETURN, False, True): (GO, GO),
    (Deed.RETURN, False, False): (GO, GO),
    (Deed.GRANT, True, True): (GO, HOLD),
    (Deed.DRAIN, True, True): (GO, HOLD),
    (Deed.DISRUPT, True, True): (GO, HOLD),
    (Deed.DISRUPT, True, False): (GO, HOLD),
    (Deed.RETURN, True, True): (GO, GO),
}


def answer(stops, case):
    deed, repair, safe_point = case
    return may_begin(stops, "c1", "gpu-train", deed, repair=repair, safe_point=safe_point).answer


@pytest.mark.parametrize("case", TABLE)
def test_stop_and_freeze_hold_as_the_design_says(case):
    assert TABLE[case] == (answer([stop()], case), answer([stop(StopKind.FREEZE)], case))


@pytest.mark.parametrize("case", TABLE)
def test_everything_goes_where_no_stop_covers_the_pool(case):
    elsewhere = [stop(cluster="c2"), stop(StopKind.FREEZE, cluster="c1", pool="storage")]
    expected = GO
    assert expected == answer(elsewhere, case)


@pytest.mark.parametrize("case", TABLE)
def test_a_freeze_goes_before_a_stop(case):
    expected = TABLE[case][1]
    assert expected == answer([stop(), stop(StopKind.FREEZE, cluster="c1")], case)


def test_the_reason_names_scope_actor_age_and_why():
    expected = "stop of pool c1/gpu-train by alice since 2026-03-01 11:57:00+00:00: power work"
    said = may_begin(
        [stop(cluster="c1", pool="gpu-train")], "c1", "gpu-train", Deed.DRAIN, repair=False, safe_point=True
    )
    assert expected == said.reason
