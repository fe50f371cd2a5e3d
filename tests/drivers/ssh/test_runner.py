"""The script that runs on hosts, under each shell that is `sh` somewhere: run here, by itself."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from drivers.ssh.calls import SCRIPT
from tests.require import require

BOOT = "11111111-2222-4333-8444-555555555555"


class Runner:
    """Calls the script in a folder as a host's login would."""

    def __init__(self, shell: str, folder: Path) -> None:
        self.shell, self.folder = shell, folder
        (folder / "boot_id").write_text(f"{BOOT}\n")

    def call(self, *words: str) -> tuple[int, str]:
        command = [self.shell, "-s", "--", *words]
        done = subprocess.run(
            command, input=SCRIPT, capture_output=True, text=True, check=False, cwd=self.folder, timeout=20
        )
        assert "" == done.stderr or done.returncode != 0, done.stderr
        return done.returncode, done.stdout

    def start(self, task: str, *argv: str, activate: tuple[str, ...] = (), boot: str = BOOT) -> tuple[int, str]:
        since = self.call("clock", "boot_id")[1].split()[1]
        head = ("start", "state", "boot_id", boot, since, "4", "20", task, "1.0")
        return self.call(*head, "0", "75", "1", str(len(argv)), *argv, *activate)

    def tasks(self) -> list[list[str]]:
        lines = self.call("tasks", "state", "boot_id")[1].splitlines()
        assert "end" == lines[-1]
        return sorted((line.split("\t") for line in lines[:-1]), key=lambda fields: int(fields[1]))

    def ended(self) -> list[list[str]]:
        deadline = time.monotonic() + 15
        while "running" in [fields[4] for fields in self.tasks()]:
            assert time.monotonic() < deadline, self.tasks()
            time.sleep(0.05)
        return self.tasks()


@pytest.fixture(params=["dash", "bash"])
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Runner:
    shell = shutil.which(request.param)
    require(request.param, shell is not None, "not installed")
    return Runner(shell, tmp_path)


def test_a_task_runs_once_with_its_words_as_given(runner: Runner) -> None:
    words = ("a b", "$HOME", "*", "'", '"', "-n")

    assert (0, "started\nend\n") == runner.start(
        "it.1", "sh", "-c", 'printf "%s|" "$@" >>ran', "sh", *words, activate=("sh", "-c", "echo now >>ran")
    )

    assert ["it.1", "1", "1.0", "1", "install 0", ""] == runner.ended()[0]
    assert "|".join((*words, "now\n")) == (runner.folder / "ran").read_text()
    assert "sh\n-c\n" == (runner.folder / "state/tasks/it.1/argv").read_text()[:6]


def test_a_known_task_is_not_run_again(runner: Runner) -> None:
    runner.start("it.1", "sh", "-c", "echo x >>ran")
    runner.ended()

    assert (0, "known\nend\n") == runner.start("it.1", "sh", "-c", "echo x >>ran")
    assert "x\n" == (runner.folder / "ran").read_text()


def test_one_at_a_time(runner: Runner) -> None:
    runner.start("it.1", "sleep", "0.5")

    assert 91 == runner.start("it.2", "true")[0]
    runner.ended()
    assert 0 == runner.start("it.2", "true")[0]
    assert [["it.1", "1"], ["it.2", "2"]] == [fields[:2] for fields in runner.ended()]


def test_a_busy_tool_is_tried_until_it_is_free(runner: Runner) -> None:
    runner.start("it.1", "sh", "-c", "echo x >>ran; [ $(wc -l <ran) -ge 2 ] || exit 75")

    assert "install 0" == runner.ended()[0][4]
    assert "x\nx\n" == (runner.folder / "ran").read_text()


def test_no_activation_follows_a_failed_install(runner: Runner) -> None:
    runner.start("it.1", "sh", "-c", "echo went wrong; exit 3", activate=("sh", "-c", "echo x >ran"))

    assert ["install 3", "went wrong "] == runner.ended()[0][4:]
    assert not (runner.folder / "ran").exists()


def test_another_boot_or_a_late_start_is_turned_away(runner: Runner) -> None:
    since = str(int(runner.call("clock", "boot_id")[1].split()[1]) - 6)

    assert 93 == runner.start("it.1", "true", boot=BOOT.replace("1", "2"))[0]
    head = ("start", "state", "boot_id", BOOT, since, "4", "20", "it.1", "1.0", "0", "", "1", "1", "true")
    assert 92 == runner.call(*head)[0]
    assert [] == runner.tasks()


def test_probes_are_told_apart_whatever_they_print(runner: Runner) -> None:
    words = ("2", "echo", "probe 5", "3", "sh", "-c", "printf 'no end'; exit 7", "1", "no-such-tool", "1", "true")

    answer = runner.call("probe", "5", *words)[1]

    assert ["probe 5\n\nexit 0", "no end\nexit 7", "\nexit 127", "\nexit 0"] == _parts(answer, 4)


def test_an_answer_s_length_is_told_in_bytes(runner: Runner) -> None:
    argv = ("sh", "-c", "printf 'Intel\\302\\256 \\377'")
    command = [runner.shell, "-s", "--", "probe", "5", str(len(argv)), *argv]
    done = subprocess.run(command, input=SCRIPT.encode(), capture_output=True, check=True, cwd=runner.folder)

    assert b"probe 16\nIntel\xc2\xae \xff\nexit 0\nend\n" == done.stdout


def test_a_held_task_whose_holder_goes_away_is_busy_until_its_play_must_have_ended(runner: Runner) -> None:
    since = runner.call("clock", "boot_id")[1].split()[1]
    words = ("hold", "state", "boot_id", BOOT, since, "4", "20", "it.1", "1.0", "2")
    command = [runner.shell, "-c", SCRIPT, "maintrain", *words]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=runner.folder)
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert b"started\n" == holder.stdout.readline()
        holder.stdin.close()
        time.sleep(0.3)
        assert "running" == runner.tasks()[0][4]
    assert "gone" == runner.tasks()[0][4]


def _parts(answer: str, count: int) -> list[str]:
    found = []
    for _ in range(count):
        head, _, rest = answer.partition("\n")
        size = int(head.removeprefix("probe "))
        found.append(rest[:size])
        answer = rest[size + 1 :]
    assert "end\n" == answer
    return found


def test_the_newest_hundred_tasks_are_kept(runner: Runner) -> None:
    for number in range(1, 4):
        runner.start(f"it.{number}", "true")
        runner.ended()
    (runner.folder / "state/number").write_text("101\n")

    runner.start("it.102", "true")

    assert ["it.3", "it.102"] == [fields[0] for fields in runner.ended()]
