"""`python -m bench.timetable`: write bench/results/timetable.json and its part of docs/limits.md; a minute."""

from bench import limits
from bench.timetable.measuring import run

if __name__ == "__main__":
    run()
    limits.write_anew()
