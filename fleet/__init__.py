"""The domain model and every decision: pure, with no I/O, clock, randomness or logging.

`models` holds the nouns, `policy` the decisions (functions of facts to a frozen `Decision`), `ports` what the
outside world must offer, `errors` the failure tree, `ids` every workflow and operation id.
"""
