"""`repair.notice` of a fleet file: off, or a rule whose mistakes are told with their line."""

import pytest
import yaml

from tests.cli.conftest import SIMULATED


def file_with(folder, notice):
    document = yaml.safe_load(SIMULATED.read_text())
    document["clusters"][0]["repair"] = {"notice": notice}
    path = folder / "fleet.yaml"
    path.write_text(yaml.safe_dump(document).replace("notice: false", "notice: off"))
    return path


def test_it_may_be_off_or_a_rule(maintrain, tmp_path):
    for notice in (False, {}, {"failed_for": "5m", "most": 10, "at_once": "1%"}):
        assert 0 == maintrain("fleet", "load", file_with(tmp_path, notice), "--reason", "a try").code


@pytest.mark.parametrize(
    ("notice", "error"),
    [
        ({"failed_for": "5"}, "clusters[0].repair.notice.failed_for: expected a duration with its unit"),
        ({"looks": 0}, "clusters[0].repair.notice.looks: expected"),
        ({"most": "many"}, "clusters[0].repair.notice.most: expected a number of hosts"),
        ({"mots": 3}, "clusters[0].repair.notice.mots: expected no such field"),
        (True, "expected a mapping of fields, found True"),
    ],
)
def test_one_mistake_is_one_error(maintrain, tmp_path, notice, error):
    result = maintrain("fleet", "load", file_with(tmp_path, notice), "--reason", "a try")
    assert (2, "") == (result.code, result.out)
    assert error in result.err
    assert 1 == result.err.count("expected")
