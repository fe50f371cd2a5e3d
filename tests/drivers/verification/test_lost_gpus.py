"""A GPU that the driver has lost fails its host; a tool that can't be run, or asked, does not."""

from pathlib import Path

import pytest

from drivers.verification.answer import Answer
from drivers.verification.gpu_counts import Expected
from drivers.verification.parse_nvidia_smi import parse_csv, parse_nvlinks, parse_xml, plain_fault
from fleet.models.command import CommandResult
from fleet.models.verification import Category, Severity, Verdict

SAMPLES = Path(__file__).parent / "samples"
EXPECTED = Expected(gpus=2)


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def told(answer: Answer) -> tuple[Verdict, list[tuple[Category, Severity]]]:
    return answer.verdict, [(finding.category, finding.severity) for finding in answer.findings]


def failed(severity: Severity) -> tuple[Verdict, list[tuple[Category, Severity]]]:
    return Verdict.FAILED, [(Category.HARDWARE, severity)]


@pytest.mark.parametrize(("said", "severity"), [("is lost", Severity.ISOLATE), ("requires reset", Severity.RESET)])
def test_a_gpu_that_the_driver_says_it_has_lost_fails_the_host(said, severity):
    head, first, *rest = sample("smi-gpus-healthy.csv").splitlines(keepends=True)
    uuid = first.split(",")[0]
    row = f"{uuid}, [GPU {said}], [GPU {said}], [GPU {said}], [GPU {said}]\n"
    xml = sample("smi-healthy.xml").replace("<current_ecc>Enabled<", f"<current_ecc>GPU {said}<", 1)

    answers = [
        parse_csv(head + row + "".join(rest), sample("smi-rows-healthy.csv"), EXPECTED),
        parse_xml(xml, EXPECTED),
    ]

    assert [failed(severity)] * 2 == [told(answer) for answer in answers]
    assert answers[0].findings[0].summary.startswith(f"{uuid}: ")


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (15, "Unable to determine the device handle for GPU0000:3B:00.0: GPU is lost.  Reboot", Severity.ISOLATE),
        (255, "Unable to determine the device handle for GPU0000:3B:00.0: Unknown Error", Severity.ISOLATE),
        (6, "No devices were found", Severity.ISOLATE),
        (14, "WARNING: infoROM is corrupted at gpu 0000:3B:00.0", Severity.ERROR),
        # These speak of the driver, the tool, or how it is run.
        (255, "Unable to determine the device handle for GPU0000:3B:00.0: Insufficient Permissions", None),
        (255, "Failed to initialize NVML: Unknown Error", None),
        (9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", None),
        (None, "Unable to determine the device handle for GPU0000:3B:00.0: Unknown Error", None),
        (0, "GPU is lost", None),
    ],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_nvidia_smi_says_of_a_gpu_as_it_fails_is_no_doubt(status, said, expected, stream):
    streams = {"stdout": "", "stderr": ""} | {stream: f"{said}\n"}
    well = CommandResult(argv=("nvidia-smi",), status=0, stdout="", stderr="", seconds=1.0)
    broken = CommandResult(argv=("nvidia-smi",), status=status, seconds=1.0, **streams)

    found = plain_fault([well, broken], 8)

    assert (None if expected is None else failed(expected)) == (told(found) if found else None)


@pytest.mark.parametrize(
    "line", ["NVML: Unable to retrieve NVLink", "NVML: Unable to retrieve Nvlink", "\t Unable to retrieve NVLink"]
)
def test_a_gpu_without_one_active_link_fails_the_host(line):
    healthy = sample("smi-nvlinks-healthy.txt")
    second = healthy.index("GPU 1:")
    head = healthy[second:].splitlines()[0]
    down = f"{healthy[:second]}{head}\n{line} information as all links are inActive\n"

    found = parse_nvlinks(down, 2, 4)

    assert failed(Severity.RESET) == told(found)
    assert "0 of 4 NVLinks are active" in found.findings[0].summary
    # Beside links, or before any GPU, it makes no sense.
    beside = f"{healthy}{line} information as all links are inActive\n"
    assert Verdict.INCONCLUSIVE is parse_nvlinks(beside, 2, 4).verdict
