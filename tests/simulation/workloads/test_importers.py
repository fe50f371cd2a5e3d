"""What a site's own files become, and what is said of a line that can't be read."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.errors import InvalidInput
from simulation.job import Kind
from simulation.workloads import read_file, read_lines
from simulation.workloads.imported import Imported

EXAMPLES = Path(__file__).parents[3] / "examples" / "workloads"
SACCT = "JobIDRaw|User|Partition|Submit|Start|Elapsed|NNodes|AllocTRES|State|Timelimit"
ACME = "job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time"
SWF = "1 0 10 3600 64 -1 -1 64 7200 -1 1 1 1 -1 1 1 -1 -1"


def sacct(row: str) -> Imported:
    return read_lines([SACCT, row], "jobs.txt")


class TestSacct:
    def test_the_example_tells_its_jobs_and_what_was_left_out(self) -> None:
        found = read_file(EXAMPLES / "sacct.txt")
        jobs = found.workload

        assert [16, 4, 1, 1, 64, 32, 32, 2] == jobs.hosts.tolist()
        assert 26 * 3600 + 600 == jobs.run_s[0]
        assert 2 * 86_400 == jobs.limit_s[0]
        assert 2 * 7 * 3600 == jobs.limit_s[5]
        assert 0 == jobs.submit_s[0]
        assert (
            "left out, 2: steps of jobs",
            "left out, 2: jobs that never ran",
            "of the jobs, 2: used a part of their hosts (8 GPUs each): told as whole ones for that share of time",
            "of the jobs, 1: were still running: told as if they had ended when the file was written",
            "of the jobs, 2: had no time limit: told with twice their run, an hour at least",
        ) == found.notes

    def test_a_job_of_two_of_eight_gpus_fills_a_quarter_of_its_hosts_time(self) -> None:
        assert 360 == read_file(EXAMPLES / "sacct.txt").workload.run_s[2]

    def test_jobs_of_several_hosts_are_training_unless_their_partition_says_otherwise(self) -> None:
        kinds = read_file(EXAMPLES / "sacct.txt").workload.kind

        assert [Kind.TRAINING, Kind.TRAINING, Kind.BATCH, Kind.BATCH] == kinds[:4].tolist()

    def test_columns_may_come_in_another_order_and_with_raw_times(self) -> None:
        lines = ["State|NNodes|ElapsedRaw|TimelimitRaw|JobID|Submit|", "COMPLETED|3|90|2|7_1|2026-01-01T00:00:00|"]
        jobs = read_lines(lines, "jobs.txt").workload

        assert ([3], [90.0], [120.0]) == (jobs.hosts.tolist(), jobs.run_s.tolist(), jobs.limit_s.tolist())

    @pytest.mark.parametrize(
        ("row", "complaint"),
        [
            (
                "1|a|p|2026-01-01T00:00:00|2026-01-01T00:00:00|1:xx|1||COMPLETED|1:00:00",
                "jobs.txt:2: Elapsed: expected [days-]hours:minutes:seconds, found '1:xx'",
            ),
            (
                "1|a|p|yesterday|2026-01-01T00:00:00|01:00:00|1||COMPLETED|1:00:00",
                "jobs.txt:2: Submit: expected a time like 2026-01-31T12:00:00, found 'yesterday'",
            ),
            (
                "1|a|p|2026-01-01T00:00:00|2026-01-01T00:00:00|01:00:00|0||COMPLETED|1:00:00",
                "jobs.txt:2: NNodes: expected a whole number of at least 1, found '0'",
            ),
            ("1|a|p", "jobs.txt:2: columns: expected 10 fields between bars, as line 1 names, found '1|a|p'"),
        ],
    )
    def test_a_line_that_cant_be_read_is_named_with_its_field(self, row: str, complaint: str) -> None:
        with pytest.raises(InvalidInput) as error:
            sacct(row)

        assert complaint == str(error.value)

    def test_columns_that_lack_are_named_with_the_command_that_prints_them(self) -> None:
        with pytest.raises(InvalidInput) as error:
            read_lines(["JobID|JobName|State", "1|a|COMPLETED"], "jobs.txt")

        assert str(error.value).startswith("jobs.txt:1: Submit, NNodes, Elapsed or ElapsedRaw: no such column; found")
        assert "sacct --allusers --allocations --parsable2 --truncate --format=JobIDRaw" in str(error.value)

    def test_a_file_of_jobs_that_never_ran_says_so(self) -> None:
        with pytest.raises(InvalidInput) as error:
            sacct("1|a|p|2026-01-01T00:00:00|None|00:00:00|1||CANCELLED by 1000|1:00:00")

        assert "jobs.txt: holds no job that ran; left out, 1: jobs that never ran" == str(error.value)

    def test_time_begins_when_the_first_job_started(self) -> None:
        """One that was submitted months before only waits."""
        early = "1|a|p|2025-09-01T00:00:00|2026-01-02T00:00:00|01:00:00|2|gres/gpu=16|COMPLETED|1:00:00"
        january = [
            f"{n}|a|p|2026-01-{day:02}T00:00:00|2026-01-{day:02}T00:10:00|01:00:00|2|gres/gpu=16|COMPLETED|1:00:00"
            for n, day in enumerate([*range(1, 29)] * 18)
        ]
        jobs = read_lines([SACCT, early, *january], "jobs.txt").workload

        assert 505 == len(jobs.clip(30))
        assert 0 == jobs.submit_s[0]
        assert 27 * 86_400 - 600 == jobs.submit_s[-1]

    def test_a_part_of_several_hosts_is_told_as_their_share(self) -> None:
        found = sacct("1|a|p|2026-01-01T00:00:00|2026-01-01T00:00:00|01:00:00|4|gres/gpu=4|COMPLETED|1:00:00")
        assert ([4], [450.0]) == (found.workload.hosts.tolist(), found.workload.run_s.tolist())

    @pytest.mark.parametrize(
        ("allocated", "run_s"),
        [
            ("cpu=8,gres/gpu:a100=2,node=1", 900.0),
            ("gres/gpu:a100=1,gres/gpu:h100=3", 1800.0),
            ("gres/gpu:a100=2,gres/gpu=2", 900.0),
            ("gres/gpu=8,gres/gpu:a100=8", 3600.0),
            ("gres/gpu:1g.10gb=1,gres/gpumem=8G", 450.0),
        ],
    )
    def test_gpus_are_counted_where_only_their_types_are_accounted_for(self, allocated: str, run_s: float) -> None:
        found = sacct(f"1|a|p|2026-01-01T00:00:00|2026-01-01T00:00:00|01:00:00|1|{allocated}|COMPLETED|1:00:00")
        assert [run_s] == found.workload.run_s.tolist()
        assert not any("used no GPU" in note for note in found.notes)

    def test_jobs_without_a_gpu_are_told_with_what_they_are_taken_for(self) -> None:
        found = sacct("1|a|p|2026-01-01T00:00:00|2026-01-01T00:00:00|01:00:00|1|cpu=1,node=1|COMPLETED|1:00:00")
        assert any("used no GPU: told as jobs on whole hosts" in note for note in found.notes)


class TestAcme:
    def test_the_example_tells_its_gpu_jobs(self) -> None:
        found = read_file(EXAMPLES / "acme.csv")
        jobs = found.workload

        assert [1, 1, 1, 32, 4, 1] == jobs.hosts.tolist()
        assert [3600, 122 / 8, 60 / 8, 72_000, 14_400, 25] == jobs.run_s.tolist()
        assert [0, 2, 2, 0, 0, 2] == jobs.kind.tolist()
        assert "left out, 1: jobs without a GPU" in found.notes

    @pytest.mark.parametrize(
        ("row", "complaint"),
        [
            ("1,u,x,8,1,Other,FAILED,2026-01-01 00:00:00+08:00,,,5,0,40", "node_num: expected a whole number"),
            ("1,u,1,8,1,Other,FAILED,soon,,,5,0,40", "submit_time: expected a time like 2023-03-01 00:18:22+08:00"),
            ("1,u,1,8,1,Other,FAILED,2026-01-01 00:00:00+08:00,,,nan,0,40", "duration: expected a number of at least"),
            ("1,u,1", "columns: expected as many fields as line 1 names"),
        ],
    )
    def test_a_line_that_cant_be_read_is_named_with_its_field(self, row: str, complaint: str) -> None:
        with pytest.raises(InvalidInput) as error:
            read_lines([ACME, row], "trace.csv")

        assert str(error.value).startswith(f"trace.csv:2: {complaint}")

    def test_an_empty_first_line_is_passed_over(self) -> None:
        row = "1,u,1,8,1,Other,FAILED,2026-01-01 00:00:00+08:00,,,5,0,40"
        assert [1] == read_lines(["\n", ACME + "\n", row], "trace.csv").workload.hosts.tolist()

    def test_the_helios_trace_has_no_types_and_no_zone(self) -> None:
        header = "job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue"
        row = (
            "1425513,uzqls,vcpDC,16,1,2,CANCELLED,2020-06-09 18:41:28,2020-06-09 18:41:28,2020-06-17 14:15:21,675233,0"
        )
        jobs = read_lines([header, row], "cluster_log.csv").workload

        assert ([2], [675_233.0], [Kind.TRAINING]) == (jobs.hosts.tolist(), jobs.run_s.tolist(), jobs.kind.tolist())

    def test_columns_that_lack_are_named(self) -> None:
        with pytest.raises(InvalidInput) as error:
            read_lines(["user,node_num,gpu_num"], "trace.csv")

        expected = "trace.csv:1: submit_time, duration, state: no such column of the Acme trace; found user, node_num"
        assert str(error.value).startswith(expected)

    def test_a_header_that_is_no_row_of_csv_is_named_too(self) -> None:
        with pytest.raises(InvalidInput) as error:
            read_lines(['user,node_num,"gpu_num"s', "u,1,8"], "trace.csv")

        assert str(error.value).startswith("trace.csv:1: expected a row of CSV: ")


class TestStandardWorkloadFormat:
    def test_the_example_turns_processors_into_hosts_by_its_header(self) -> None:
        found = read_file(EXAMPLES / "log.swf")
        jobs = found.workload

        assert [8, 1, 32, 2, 1] == jobs.hosts.tolist()
        assert [7200.0, 600.0, 172_800.0, 3600.0, 3600.0] == jobs.limit_s.tolist()
        assert [3600.0, 122 / 8, 86_400.0, 1800 * 12 / 16, 1200.0] == jobs.run_s.tolist()
        assert (
            "left out, 1: jobs that never ran",
            "left out, 1: pieces of jobs that were swapped out",
            "of the jobs, 2: used a part of their hosts (8 processors each): told as whole ones for that share of time",
            "of the jobs, 1: had no time limit: told with twice their run, an hour at least",
        ) == found.notes

    def test_jobs_of_a_processor_fill_a_host_together(self) -> None:
        rows = [f"{n} 0 0 3600 1 -1 -1 1 -1 -1 1 1 1 -1 1 1 -1 -1" for n in range(128)]
        assert (
            pytest.approx(1 / 24) == read_lines(rows, "log.swf", processors_per_host=128).workload.summary().host_days
        )

    def test_a_bar_in_the_first_comment_or_an_empty_first_line_changes_nothing(self) -> None:
        for first in ("; Acknowledge: A | B", "", "  "):
            assert [8] == read_lines([first, SWF], "log.swf", processors_per_host=8).workload.hosts.tolist()

    def test_comments_need_not_be_utf_8(self, tmp_path: Path) -> None:
        log = tmp_path / "log.swf"
        log.write_bytes("; Computer: Universität\n; MaxNodes: 2\n; MaxProcs: 64\n".encode("latin-1") + SWF.encode())
        assert [2] == read_file(log).workload.hosts.tolist()

    def test_without_a_header_the_processors_of_a_host_must_be_told(self) -> None:
        with pytest.raises(InvalidInput) as error:
            read_lines([SWF], "log.swf")

        expected = "log.swf: MaxNodes, MaxProcs: not in the header: tell the processors of a host (--per-host)"
        assert expected == str(error.value)
        with pytest.raises(InvalidInput) as endless:
            read_lines([f"; MaxNodes: {'9' * 5000}", "; MaxProcs: 64", SWF], "log.swf")
        assert expected == str(endless.value)
        assert [4] == read_lines([SWF], "log.swf", processors_per_host=16).workload.hosts.tolist()

    def test_a_line_of_another_length_or_with_a_word_in_it_is_named(self) -> None:
        with pytest.raises(InvalidInput) as short:
            read_lines([SWF, "1 2 3"], "log.swf", processors_per_host=8)
        with pytest.raises(InvalidInput) as word:
            read_lines([SWF.replace("3600", "long")], "log.swf", processors_per_host=8)

        assert "log.swf:2: fields: expected 18 numbers, found '3 in 1 2 3'" == str(short.value)
        assert "log.swf:1: run time: expected a number of at least -1, found 'long'" == str(word.value)


ROWS = {
    SACCT: ("|", "1|ana|p|2026-01-01T00:00:00|2026-01-01T00:00:00|01:00:00|2|gres/gpu=16|COMPLETED|1:00:00"),
    ACME: (",", "1,u,1,8,1,Other,FAILED,2026-01-01 00:00:00+08:00,,,5,0,40"),
    "; MaxNodes: 4": (" ", SWF),
}


@settings(max_examples=100, deadline=None)
@given(
    header=st.sampled_from(sorted(ROWS)),
    place=st.integers(0, 17),
    cell=st.one_of(
        st.text('0123456789|-:. ,;aTe"\n\x00²', max_size=12), st.sampled_from(["9" * 400, "1e300", "-1", "nan"])
    ),
)
def test_whatever_a_field_holds_it_is_a_job_or_named_with_its_place(header: str, place: int, cell: str) -> None:
    between, good = ROWS[header]
    row = good.split(between)
    row[place % len(row)] = cell
    said = ""
    try:
        read_lines([header, between.join(row)], "file", processors_per_host=8)
    except InvalidInput as error:
        said = str(error)

    assert said == "" or said.startswith("file")


def test_a_file_of_no_known_format_is_refused_with_the_formats_there_are(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("dear diary\n")

    with pytest.raises(InvalidInput) as error:
        read_file(file)

    assert f"{file}:1: expected what `sacct --parsable2` prints, the Acme trace" in str(error.value)


def test_files_that_are_not_there_or_not_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"\xff\xd8\xff")

    with pytest.raises(InvalidInput, match="can't be read: No such file"):
        read_file(tmp_path / "none")
    with pytest.raises(InvalidInput, match="image:1: is not text in UTF-8"):
        read_file(tmp_path / "image")
