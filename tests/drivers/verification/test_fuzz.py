"""No parser crashes on damaged output, and none reads a pass out of it: at least 10,000 cases each.

A case is one damaged sample. Of a sick host's sample nothing may ever read as passed; of a clean one, nothing that lost
its end or its parts, and a number never grows by more than a hundredth.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.verification.gpu_counts import Expected
from drivers.verification.parse_dcgm import parse_dcgm
from drivers.verification.parse_gpucm import parse_gpucm
from drivers.verification.parse_lines import parse_lines
from drivers.verification.parse_nccl import parse_nccl
from drivers.verification.parse_nvbandwidth import parse_nvbandwidth
from drivers.verification.parse_nvidia_smi import parse_csv, parse_nvlinks, parse_xml
from drivers.verification.parse_xid import parse_xid
from fleet.errors import BadAnswer
from fleet.models.verification import Category, Verdict
from tests.parts import mutate

SAMPLES = Path(__file__).parent / "samples"
EXPECTED = Expected(gpus=2, pcie_width=16)
CASES_PER_EXAMPLE = 5
"""At least; with 2,000 examples a test that makes 10,000 cases."""
fuzz = settings(max_examples=2000, deadline=None, derandomize=True, database=None)
seeds = given(st.integers(0, 2**48))


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def passes(parse: Callable[[str], Verdict], text: str) -> bool:
    return parse(text) is Verdict.PASSED


class Fuzzed:
    """One parser with its samples. `sick` must never pass, however damaged; `clean` not when cut or short of parts."""

    def __init__(self, parse: Callable[[str], Verdict], clean: list[str], sick: list[str]) -> None:
        self.parse = parse
        self.clean, self.sick = [sample(n) for n in clean], [sample(n) for n in sick]
        assert all(passes(parse, text) for text in self.clean)
        assert not any(passes(parse, text) for text in self.sick)

    def cases(self, seed: int, times: int = 3) -> None:
        chance = random.Random(seed)
        sick, clean = chance.choice(self.sick), chance.choice(self.clean)
        assert not passes(self.parse, mutate.characters(sick, chance, times))
        assert not passes(self.parse, mutate.cut(sick, chance))
        assert not passes(self.parse, mutate.cut(clean, chance))
        assert not passes(self.parse, mutate.noise(chance))
        # May pass where the damage hit nothing that matters; must not crash.
        self.parse(mutate.characters(clean, chance, times))

    def json_cases(self, seed: int) -> None:
        chance = random.Random(seed)
        sick = chance.choice(self.sick)
        assert not passes(self.parse, mutate.parts(sick, chance))
        self.parse(mutate.parts(chance.choice(self.clean), chance))


DCGM4 = Fuzzed(lambda text: parse_dcgm(text, 0, 2, 2).verdict, ["dcgm4-level3-pass.json"], ["dcgm4-level2-sick.json"])
DCGM3 = Fuzzed(lambda text: parse_dcgm(text, 0, 2, 2).verdict, ["dcgm3-level2-pass.json"], ["dcgm3-level2-sick.json"])


@fuzz
@seeds
def test_dcgm_4(seed):
    DCGM4.cases(seed)
    DCGM4.json_cases(seed)


@fuzz
@seeds
def test_dcgm_3(seed):
    DCGM3.cases(seed)
    DCGM3.json_cases(seed)


@pytest.mark.parametrize("name", ["dcgm4-level2-sick.json", "dcgm4-level3-pass.json"])
def test_dcgm_with_any_status_other_than_0_never_passes(name):
    verdicts = {parse_dcgm(sample(name), status, 2, 2).verdict for status in range(1, 256)}

    assert Verdict.PASSED not in verdicts


SMI_CSV = Fuzzed(
    lambda text: parse_csv(*text.split("\n--\n", 1), EXPECTED).verdict if "\n--\n" in text else Verdict.INCONCLUSIVE,
    [],
    [],
)
HEALTHY_GPUS, HEALTHY_ROWS = sample("smi-gpus-healthy.csv"), sample("smi-rows-healthy.csv")
SMI_CSV.clean = [f"{HEALTHY_GPUS}\n--\n{HEALTHY_ROWS}"]
SMI_CSV.sick = [
    f"{sample('smi-gpus-ecc.csv')}\n--\n{HEALTHY_ROWS}",
    f"{sample('smi-gpus-narrow.csv')}\n--\n{HEALTHY_ROWS}",
    f"{HEALTHY_GPUS}\n--\n{sample('smi-rows-failure.csv')}",
]


@fuzz
@seeds
def test_nvidia_smi_csv(seed):
    SMI_CSV.cases(seed)


SMI_XML = Fuzzed(lambda text: parse_xml(text, EXPECTED).verdict, ["smi-healthy.xml"], ["smi-row-failure.xml"])


@fuzz
@seeds
def test_nvidia_smi_xml(seed):
    SMI_XML.cases(seed)
    chance = random.Random(seed)
    assert not passes(SMI_XML.parse, mutate.lines(SMI_XML.sick[0], chance))


NVLINKS = Fuzzed(lambda text: parse_nvlinks(text, 2, 4).verdict, ["smi-nvlinks-healthy.txt"], ["smi-nvlinks-down.txt"])


@fuzz
@seeds
def test_nvidia_smi_nvlinks(seed):
    NVLINKS.cases(seed)
    assert not passes(NVLINKS.parse, mutate.lines(NVLINKS.sick[0], random.Random(seed)))


def _gpucm(text: str) -> Verdict:
    status = {"OK": 0, "WARNING": 1, "CRITICAL": 2}.get(text.split(" ", 1)[0], 0)
    return parse_gpucm(text, status, "check", Category.SOFTWARE).verdict


GPUCM = Fuzzed(_gpucm, ["gpucm-ok.txt"], ["gpucm-critical.txt", "gpucm-warning.txt"])


@fuzz
@seeds
def test_gpucm(seed):
    chance = random.Random(seed)
    for name in ("gpucm-critical.txt", "gpucm-warning.txt", "gpucm-killswitch.txt"):
        # One place: two could take "disabled by killswitch" apart and leave "OK".
        damaged = mutate.characters(sample(name), chance, 1)
        assert _gpucm(damaged) is not Verdict.PASSED
    assert not passes(_gpucm, mutate.noise(chance))
    _gpucm(mutate.characters(sample("gpucm-ok.txt"), chance, 3))


XIDS = ("journal-xid.txt", "dmesg-xids.txt")


@settings(fuzz, max_examples=4000)
@seeds
def test_xid(seed):
    chance = random.Random(seed)
    for name in XIDS:
        assert parse_xid(mutate.characters(sample(name), chance, 1)).verdict is not Verdict.PASSED
    parse_xid(mutate.noise(chance))


def not_grown(read: Callable[[str], float], text: str, most: float) -> None:
    """A damaged output is unreadable, or shows no more than was measured."""
    try:
        value = read(text)
    except BadAnswer:
        return
    assert value <= most * 1.01


def number_cases(read: Callable[[str], float], text: str, seed: int, times: int = 3) -> None:
    chance = random.Random(seed)
    most = read(text)
    for _ in range(2):
        not_grown(read, mutate.characters(text, chance, times), most)
    for damaged in (mutate.cut(text, chance), mutate.noise(chance)):
        with pytest.raises(BadAnswer):
            read(damaged)
    if text.startswith("{"):
        not_grown(read, mutate.parts(text, chance), most)
    else:
        not_grown(read, mutate.lines(text, chance), most)


CASES = ("host_to_device_memcpy_ce", "device_to_device_memcpy_read_ce")


def _nvbandwidth(text: str) -> float:
    return parse_nvbandwidth(text, CASES)["host_to_device_memcpy_ce"]


@pytest.mark.parametrize("name", ["nvbandwidth.json", "nvbandwidth.txt"])
@fuzz
@seeds
def test_nvbandwidth(name, seed):
    text = sample(name)
    # What follows the last sum says nothing.
    number_cases(_nvbandwidth, text if name.endswith("json") else text.partition("\nNOTE")[0], seed)


def _nccl(text: str) -> float:
    run = parse_nccl(text)
    if run.wrong or run.ranks != {"gpu001": 2}:
        raise BadAnswer("wrong values, or other ranks")
    return run.busbw


@pytest.mark.parametrize("name", ["nccl-pass.json", "nccl-pass.txt"])
@fuzz
@seeds
def test_nccl(name, seed):
    text = sample(name)
    number_cases(_nccl, text if name.endswith("json") else text.partition("#\n# Collective test concluded")[0], seed)


@fuzz
@seeds
def test_nccl_with_wrong_values_never_reads_as_right(seed):
    chance, text = random.Random(seed), sample("nccl-wrong.txt")
    for _ in range(CASES_PER_EXAMPLE):
        with pytest.raises(BadAnswer):
            _nccl(mutate.characters(text, chance, 2))


LINE = r"^GPU (?P<gpu>\d+): (?P<value>\d+(?:\.\d+)?) TFLOPS$"


@fuzz
@seeds
def test_a_sites_own_program(seed):
    number_cases(lambda text: parse_lines(text, LINE, 2), sample("gemm.txt"), seed, times=1)
