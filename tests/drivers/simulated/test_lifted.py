"""What the outside observer allows under audited overrides: any host for a whole one, else the named numbers."""

from starter.demo.lifted import Lifted, LiftedLimit


def test_a_whole_override_lifts_everything_while_it_lasts():
    lifted = Lifted(whole=[(10.0, 20.0)])

    assert [(4, 8), (None, 0), (4, 8)] == [
        (lifted.planned_buffer("gpu", 4, at), lifted.floor("gpu", 8, at)) for at in (9.0, 10.0, 20.0)
    ]


def test_named_numbers_hold_for_their_pool_and_time_and_never_allow_less():
    lifted = Lifted(named=[LiftedLimit(10.0, 20.0, "gpu", planned_buffer=6), LiftedLimit(10.0, 20.0, "gpu", floor=5)])

    assert [(4, 8), (6, 5)] == [(lifted.planned_buffer("gpu", 4, at), lifted.floor("gpu", 8, at)) for at in (9.0, 10.0)]
    assert (7, 3) == (lifted.planned_buffer("gpu", 7, 15.0), lifted.floor("gpu", 3, 15.0))
    assert (4, 8) == (lifted.planned_buffer("storage", 4, 15.0), lifted.floor("storage", 8, 15.0))
