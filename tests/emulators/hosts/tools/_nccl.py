"""The text of a run of nccl-tests over hosts, for the doubles of all_reduce_perf, mpirun and srun."""

import json

from _gpu import GPUS, SLOW, measured, other_root
from _host import fault, shown

SIZES = [2**power for power in range(23, 31)]
INSIDE, ACROSS = 430.0, 360.0


def has(host, kind):
    """True when another host of the farm has a fault; it is not used up."""
    path = other_root(host) / "faults.json"
    found = path.exists() and any(entry["kind"] == kind for entry in json.loads(path.read_text()))
    if found:
        shown.append(kind)
    return found


def run(hosts, per_host=GPUS):
    """(text, exit status) of a run over hosts."""
    level = ACROSS if len(hosts) > 1 else INSIDE
    slow = any(has(host, "fabric_slow") for host in hosts) if len(hosts) > 1 else bool(fault("gpu_slow"))
    wrong = 12 if any(has(host, "fabric_wrong") for host in hosts) else 0
    if any(has(host, "fabric_dead") for host in hosts):
        said = f"{hosts[0]}: Test NCCL failure common.cu:1279 'unhandled system error'\n"
        return head(hosts, per_host) + said, 3
    rates, rows = [], []
    for size in SIZES:
        share = size / (size + SIZES[0])
        pair = [measured(level, 0) * share * (SLOW if slow else 1) for _ in range(2)]
        rates += pair
        count = len(hosts) * per_host
        body = "".join(body_of(size, busbw, wrong, count) for busbw in pair)
        rows.append(f"{size:12}  {size // 4:12}     float     sum      -1{body}")
    text = head(hosts, per_host) + "\n".join(rows)
    verdict = "FAILED" if wrong else "OK"
    text += f"\n# Out of bounds values : {wrong * len(rates)} {verdict}\n"
    text += (
        f"# Avg bus bandwidth    : {sum(rates) / len(rates):g} \n#\n# Collective test concluded: all_reduce_perf\n#\n"
    )
    return text, 1 if wrong else 0


def body_of(size, busbw, wrong, ranks):
    """The columns time, algbw, busbw, #wrong."""
    algbw = busbw / (2 * (ranks - 1) / ranks)
    return f"  {size / algbw / 1e3:7.2f}  {algbw:6.2f}  {busbw:6.2f}  {wrong:6}"


def head(hosts, per_host):
    """What is printed before the rows."""
    lines = ["# nccl-tests version 2.17.1 nccl-headers=22703 nccl-library=22703"]
    lines += ["# Collective test starting: all_reduce_perf"]
    lines += [f"# nThread 1 nGpus 1 minBytes {SIZES[0]} maxBytes {SIZES[-1]} step: 2(factor) warmup iters: 1 iters: 20"]
    lines += ["#", "# Using devices"]
    for at, host in enumerate(hosts):
        for gpu in range(per_host):
            rank = at * per_host + gpu
            place = f"device {gpu:2} [0000:{gpu + 16:02x}:00] NVIDIA H100 80GB HBM3"
            lines.append(f"#  Rank {rank:2} Group  0 Pid {4000 + rank:6} on {host:>10} {place}")
    lines += ["#", "#                                                  out-of-place              in-place"]
    lines += ["#       size         count      type   redop    root     time   algbw   busbw  #wrong     time   algbw"]
    lines += ["#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)"]
    return "\n".join(lines) + "\n"
