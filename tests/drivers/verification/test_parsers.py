"""What each parser makes of documented and recorded outputs: verdict, category and severity."""

from pathlib import Path

import pytest

from drivers.verification.answer import Answer
from drivers.verification.gpu_counts import Expected
from drivers.verification.parse_dcgm import parse_dcgm
from drivers.verification.parse_gpucm import parse_gpucm
from drivers.verification.parse_lines import parse_lines
from drivers.verification.parse_nccl import NcclRun, parse_nccl
from drivers.verification.parse_nvbandwidth import parse_nvbandwidth
from drivers.verification.parse_nvidia_smi import parse_csv, parse_nvlinks, parse_xml
from drivers.verification.parse_xid import parse_xid, whole_dmesg
from fleet.errors import BadAnswer
from fleet.models.verification import Category, Severity, Verdict

SAMPLES = Path(__file__).parent / "samples"
PASSED, FAILED, INCONCLUSIVE = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE
HARDWARE, SOFTWARE = Category.HARDWARE, Category.SOFTWARE
EXPECTED = Expected(gpus=2)


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def told(answer: Answer) -> tuple[Verdict, list[tuple[Category, Severity]]]:
    return answer.verdict, [(finding.category, finding.severity) for finding in answer.findings]


@pytest.mark.parametrize(
    ("name", "status", "level", "gpus", "expected"),
    [
        ("dcgm4-level1-pass.json", 0, 1, 2, (PASSED, [])),
        ("dcgm4-level3-pass.json", 0, 3, 2, (PASSED, [])),
        ("dcgm3-level2-pass.json", 0, 2, 2, (PASSED, [])),
        # DCGM's own category and severity: 10 is hardware, 2 isolate; 8 is software, 5 a matter of settings.
        ("dcgm4-level2-sick.json", 205, 2, 2, (FAILED, [(HARDWARE, Severity.ISOLATE)])),
        ("dcgm4-level1-software.json", 226, 1, 2, (FAILED, [(SOFTWARE, Severity.ERROR)])),
        ("dcgm4-level1-summary.json", 226, 1, 1, (FAILED, [(SOFTWARE, Severity.ERROR)])),
        ("dcgm3-level2-sick.json", 226, 2, 2, (FAILED, [(HARDWARE, Severity.ERROR)])),
        ("dcgm3-level2-sick.json", 205, 2, 2, (FAILED, [(HARDWARE, Severity.ISOLATE)])),
        # A level that did not run, a GPU that is not shown, a run that was stopped.
        ("dcgm4-level1-pass.json", 0, 2, 2, (INCONCLUSIVE, [])),
        ("dcgm4-level3-pass.json", 0, 3, 8, (INCONCLUSIVE, [])),
        ("dcgm3-level2-pass.json", 0, 2, 3, (INCONCLUSIVE, [])),
        ("dcgm4-level3-pass.json", 226, 3, 2, (INCONCLUSIVE, [])),
        ("dcgm4-level2-sick.json", 217, 2, 2, (INCONCLUSIVE, [])),
        ("dcgm4-level2-sick.json", 203, 2, 2, (INCONCLUSIVE, [])),
        ("dcgm4-level2-sick.json", 190, 2, 2, (INCONCLUSIVE, [])),
    ],
)
def test_dcgm_samples(name, status, level, gpus, expected):
    assert expected == told(parse_dcgm(sample(name), status, gpus, level))


def test_dcgm_tells_test_gpu_and_error_in_the_summary():
    finding = parse_dcgm(sample("dcgm4-level2-sick.json"), 205, 2, 2).findings[0]

    assert finding.summary.startswith("memory failed on GPU 1: Pending uncorrectable memory errors")


def test_dcgm_calls_for_isolation_by_its_exit_status_alone():
    assert (FAILED, [(HARDWARE, Severity.ISOLATE)]) == told(parse_dcgm("", 205, 2, 2))


@pytest.mark.parametrize(
    ("old", "new", "doubt"),
    [
        ('"4.2.3"', '"5.0.0"', "unknown format version '5.0.0'"),
        ('"4.2.3"', '"4"', "unknown format version '4'"),
        ('"status": "Pass"', '"status": "Passed?"', "unknown status"),
        ('"name": "pcie"', '"name": "pice"', "test pcie shows no pass for GPU 0, 1"),
        ('"test_categories"', '"categories"', "test_categories"),
    ],
)
def test_dcgm_answers_of_another_shape_are_inconclusive_and_say_why(old, new, doubt):
    answer = parse_dcgm(sample("dcgm4-level3-pass.json").replace(old, new), 0, 2, 2)

    assert INCONCLUSIVE == answer.verdict
    assert doubt in "; ".join(answer.doubts)


@pytest.mark.parametrize(
    ("gpus", "rows", "expected"),
    [
        ("healthy", "healthy", (PASSED, [])),
        ("ecc", "healthy", (FAILED, [(HARDWARE, Severity.RESET)])),
        ("narrow", "healthy", (FAILED, [(HARDWARE, Severity.ERROR)])),
        ("healthy", "failure", (FAILED, [(HARDWARE, Severity.ISOLATE)])),
    ],
)
def test_nvidia_smi_csv_samples(gpus, rows, expected):
    assert expected == told(parse_csv(sample(f"smi-gpus-{gpus}.csv"), sample(f"smi-rows-{rows}.csv"), EXPECTED))


def test_a_gpu_that_is_not_there_fails_the_host():
    answer = parse_csv(sample("smi-gpus-healthy.csv"), sample("smi-rows-healthy.csv"), Expected(gpus=8))

    assert ((FAILED, [(HARDWARE, Severity.ISOLATE)]), "2 of 8 GPUs are there") == (
        told(answer),
        answer.findings[0].summary,
    )


def test_what_a_gpu_does_not_support_is_inconclusive_where_it_is_asked_for():
    gpus = sample("smi-gpus-healthy.csv").replace("Enabled", "[N/A]")

    verdicts = [parse_csv(gpus, sample("smi-rows-healthy.csv"), Expected(2, ecc=ecc)).verdict for ecc in (True, False)]

    assert [INCONCLUSIVE, PASSED] == verdicts


def test_nvidia_smi_xml_and_nvlink_samples():
    answers = [
        told(parse_xml(sample("smi-healthy.xml"), EXPECTED)),
        told(parse_xml(sample("smi-row-failure.xml"), EXPECTED)),
        told(parse_nvlinks(sample("smi-nvlinks-healthy.txt"), 2, 4)),
        told(parse_nvlinks(sample("smi-nvlinks-down.txt"), 2, 4)),
        told(parse_nvlinks(sample("smi-nvlinks-healthy.txt"), 2, 18)),
    ]

    assert [
        (PASSED, []),
        (FAILED, [(HARDWARE, Severity.ISOLATE)]),
        (PASSED, []),
        (FAILED, [(HARDWARE, Severity.RESET)]),
        (INCONCLUSIVE, []),
    ] == answers


def test_an_xml_report_that_declares_entities_is_not_read():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + sample("smi-healthy.xml").split("?>", 1)[1]

    assert INCONCLUSIVE == parse_xml(bomb, EXPECTED).verdict


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("gpucm-ok.txt", 0, (PASSED, [])),
        ("gpucm-ok.txt", 2, (INCONCLUSIVE, [])),
        ("gpucm-critical.txt", 2, (FAILED, [(HARDWARE, Severity.ERROR)])),
        ("gpucm-warning.txt", 1, (INCONCLUSIVE, [])),
        # A check that was switched off says OK and ends with 0.
        ("gpucm-killswitch.txt", 0, (INCONCLUSIVE, [])),
    ],
)
def test_gpucm_recordings(name, status, expected):
    assert expected == told(parse_gpucm(sample(name), status, "a check", HARDWARE))


def test_xids_of_hardware_fail_those_of_programs_do_not_and_unknown_ones_do():
    log = sample("dmesg-xids.txt")

    answers = [
        told(parse_xid(sample("journal-clean.txt"))),
        told(parse_xid(sample("journal-xid.txt"))),
        told(parse_xid(log)),
        told(parse_xid(log, ignored=(48, 13))),
        told(parse_xid("NVRM: Xid (PCI:0000:18:00): 999, pid=1\n")),
        told(parse_xid("nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 28006, Non-fatal, Link 46 MC TS\n")),
        told(parse_xid("nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up\n")),
        told(parse_xid("NVRM: RmInitAdapter failed!\n")),
    ]

    assert [
        (PASSED, []),
        (FAILED, [(HARDWARE, Severity.ISOLATE)]),
        (FAILED, [(HARDWARE, Severity.RESET), (SOFTWARE, Severity.INFO)]),
        (PASSED, []),
        (FAILED, [(HARDWARE, Severity.ERROR)]),
        (PASSED, [(HARDWARE, Severity.INFO)]),
        (FAILED, [(HARDWARE, Severity.ERROR)]),
        (INCONCLUSIVE, []),
    ] == answers


def test_a_dmesg_that_no_longer_holds_the_boot_is_not_whole():
    log = sample("dmesg-clean.txt")

    assert None is whole_dmesg(log)
    assert "dmesg no longer holds the boot: older lines are lost; journalctl keeps them" == whole_dmesg(
        log.split("\n", 2)[2]
    )
    assert "dmesg shows no kernel log" == whole_dmesg("")


def test_nccl_samples():
    runs = [parse_nccl(sample(name)) for name in ("nccl-pass.txt", "nccl-pass.json", "nccl-mpirun.txt")]

    assert [
        NcclRun(326.773, 0, {"gpu001": 2}),
        NcclRun(293.763333, 0, {"gpu001": 2}),
        NcclRun(343.483, 0, {"gpu001": 1, "gpu002": 1}),
    ] == runs
    assert parse_nccl(sample("nccl-wrong.txt")).wrong > 0


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("nccl-pass.txt", "       0  ", "     N/A  "),
        ("nccl-pass.txt", "# Avg bus bandwidth    : 326.773 ", "# Avg bus bandwidth    : 326.773 FAILED"),
        ("nccl-pass.txt", "# Out of bounds values : 0 OK\n", ""),
        ("nccl-pass.txt", "Rank  1", "Rank  2"),
        ("nccl-pass.json", '"version": 2', '"version": 3'),
        ("nccl-pass.json", '"errors": [\n  ""\n ]', '"errors": ["unhandled system error"]'),
        ("nccl-pass.json", '"nwrong": 0.0', '"nwrong": null'),
    ],
)
def test_nccl_runs_that_did_not_end_or_check_are_not_believed(name, old, new):
    text = sample(name)
    assert old in text

    with pytest.raises(BadAnswer):
        parse_nccl(text.replace(old, new))


def test_nvbandwidth_samples_show_the_slowest_pair():
    cases = ("host_to_device_memcpy_ce", "device_to_device_memcpy_read_ce")

    assert dict(zip(cases, (55.17, 275.25), strict=True)) == parse_nvbandwidth(sample("nvbandwidth.txt"), cases)
    assert dict(zip(cases, (55.13, 275.24), strict=True)) == parse_nvbandwidth(sample("nvbandwidth.json"), cases)


@pytest.mark.parametrize("word", ["Waived", "Error", "Running", "Not Found"])
def test_an_nvbandwidth_test_case_that_did_not_pass_shows_nothing(word):
    text = sample("nvbandwidth.json").replace('"Passed"', f'"{word}"')

    with pytest.raises(BadAnswer):
        parse_nvbandwidth(text, ["host_to_device_memcpy_ce"])


def test_a_sites_program_must_tell_every_gpu_once():
    line = r"^GPU (?P<gpu>\d+): (?P<value>\d+(?:\.\d+)?) TFLOPS$"
    text = sample("gemm.txt")

    assert min(float(word) for word in text.split() if "." in word) == parse_lines(text, line, 2)
    for wrong in (text + text, text.split("\n", 1)[0], text + "GPU 2: 1.0 TFLOPS\n", "", text.replace("1:", "3:")):
        with pytest.raises(BadAnswer):
            parse_lines(wrong, line, 2)
