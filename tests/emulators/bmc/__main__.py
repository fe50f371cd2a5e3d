"""`python -m tests.emulators.bmc --config FILE`: a farm of BMCs until SIGTERM."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from tests.emulators.bmc.farm import FarmProcess, announce
from tests.emulators.bmc.spec import FarmSpec, read_spec


async def serve(spec: FarmSpec) -> None:
    """Run a farm until a signal ends it."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    farm = FarmProcess(spec)
    await farm.open()
    sys.stdout.write(announce(farm.addresses) + "\n")
    sys.stdout.flush()
    await farm.run(ended)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.bmc", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the farm as YAML or JSON")
    asyncio.run(serve(read_spec(parser.parse_args().config)))


if __name__ == "__main__":
    main()
