"""The mixes, each fitted to published figures; what no publication tells is said to be assumed.

**rsc**: Kokolis et al., "Revisiting Reliability in Large-Scale Machine Learning Research Clusters" (arXiv 2410.21680):
RSC-1 has 16 thousand GPUs, 8 a host, 83% of them in use, 7.2 thousand jobs a day, hence 5.7 host-hours a job; a job
lives 7 days at most; jobs of 4 thousand GPUs are less than 1% of the jobs and 12% of the GPU-time; most jobs are
smaller than a host, while jobs of 256 GPUs and more take about 60% of the GPU-time (its job-size figure, read at
second hand); a restart takes 5 to 20 minutes, a checkpoint an hour is assumed. Fitted: the shares between those
points, run times that grow with the size. Jobs below a host are told as hosts full of them, one after another.

**hero**: the same with jobs of 1,024 and 2,048 hosts, the latter the 16,384 GPUs of Llama 3 (arXiv 2407.21783), for
fleets that hold them. That they save every ten minutes is assumed; more than 90% of effective time needs it.

**acme**: Hu et al., "Characterization of Large Language Model Development in the Datacenter" (NSDI 2024) and the
repository InternLM/AcmeTrace (`data/cluster_summary.csv`), cluster Seren: GPU jobs run 1,414 s on average and 122 s in
the median, hence a spread of 2.21 (2.13 within a size), and 14 days at most; the largest has 1,024 GPUs; pretraining
is 0.9% of the jobs and 69.5% of the GPU-time, evaluation 64.9% and 6.2%. That jobs of 256 GPUs and more take 56.4%,
and that 32% of the jobs come in the same second as another, was counted in the trace by others (read at second hand).

**helios**: Hu et al., "Characterization and Prediction of Deep Learning Workloads in Large-Scale GPU Datacenters"
(SC 2021), SenseTime: GPU jobs run 6,652 s on average and 206 s in the median (spread 2.64), on 3.7 GPUs on average,
at most 50 days (the same file of AcmeTrace). How the work is shared among sizes is assumed.

**inference**: replicas of a model, of one host, or of two for a model of 405 billion parameters in 16 bits (arXiv
2407.21783, section 6: 16 GPUs on two machines). They live for weeks and lose nothing but the time to load; how long
they live and load is assumed.

**batch**: evaluation and other short jobs of one host, run times as in acme.
"""

import math

from simulation.job import Kind
from simulation.workloads.mix import WEEK_S, Mix, SizeClass

_RSC_SIZES = (
    SizeClass(1, 0.14, 2.2),
    SizeClass(2, 0.05, 6),
    SizeClass(4, 0.06, 6),
    SizeClass(8, 0.07, 10),
    SizeClass(16, 0.08, 12),
    SizeClass(32, 0.13, 16),
    SizeClass(64, 0.13, 20),
    SizeClass(128, 0.13, 24),
    SizeClass(256, 0.09, 30),
    SizeClass(512, 0.12, 36),
)
RSC_SMALL_HOST_H = 0.83
"""Host-hours of a job of the smallest class, before such jobs are told as hosts full of them: in no publication, but
fitted so that the published 7.2 thousand jobs come a day.
"""

RSC = Mix(
    name="rsc",
    kind=Kind.TRAINING,
    classes=_RSC_SIZES,
    spread=1.2,
    longest_s=WEEK_S,
    restart_s=(300.0, 1200.0),
    checkpoint_s=3600.0,
    bursts=0.1,
)
HERO = Mix(
    name="hero",
    kind=Kind.TRAINING,
    classes=(
        *(SizeClass(c.hosts, 0.75 * c.share, c.run_h) for c in _RSC_SIZES),
        SizeClass(1024, 0.10, 60),
        SizeClass(2048, 0.15, 96),
    ),
    spread=1.2,
    longest_s=WEEK_S,
    restart_s=(300.0, 1200.0),
    checkpoint_s=3600.0,
    frequent_from=1024,
    bursts=0.1,
)
ACME = Mix(
    name="acme",
    kind=Kind.TRAINING,
    classes=(
        SizeClass(1, 0.18, 0.307),
        SizeClass(2, 0.05, 1),
        SizeClass(4, 0.06, 2),
        SizeClass(8, 0.07, 4),
        SizeClass(16, 0.076, 8),
        SizeClass(32, 0.20, 12),
        SizeClass(64, 0.20, 16),
        SizeClass(128, 0.164, 20),
    ),
    spread=2.13,
    longest_s=14 * 86_400.0,
    restart_s=(300.0, 1200.0),
    checkpoint_s=1800.0,
    bursts=0.32,
)
HELIOS = Mix(
    name="helios",
    kind=Kind.TRAINING,
    classes=(
        SizeClass(1, 0.45, 1.58),
        SizeClass(2, 0.12, 4),
        SizeClass(4, 0.13, 8),
        SizeClass(8, 0.12, 12),
        SizeClass(16, 0.08, 16),
        SizeClass(32, 0.06, 20),
        SizeClass(64, 0.04, 24),
    ),
    spread=2.64,
    longest_s=50 * 86_400.0,
    restart_s=(120.0, 600.0),
    checkpoint_s=3600.0,
    bursts=0.2,
)
INFERENCE = Mix(
    name="inference",
    kind=Kind.INFERENCE,
    classes=(SizeClass(1, 0.75, 21 * 24), SizeClass(2, 0.25, 21 * 24)),
    spread=0.8,
    longest_s=90 * 86_400.0,
    restart_s=(120.0, 600.0),
    checkpoint_s=0.0,
)
BATCH = Mix(
    name="batch",
    kind=Kind.BATCH,
    classes=(SizeClass(1, 1.0, 1414 / 3600),),
    spread=2.21,
    longest_s=14 * 86_400.0,
    restart_s=(10.0, 60.0),
    checkpoint_s=math.inf,
    bursts=0.32,
)
