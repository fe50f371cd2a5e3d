# Every target makes what it needs: nothing is installed by hand. `make demo` is the place to start.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
# As pip does for what it installs: the first command of a new machine, perhaps an emergency, need not compile anything.
COMPILE := $(BIN)/python -m compileall -q -j 0 activities drivers fleet runtime simulation starter store worker workflows
export DEBIAN_FRONTEND := noninteractive

.PHONY: setup demo test check bench bench-blame bench-rollout bench-emergency bench-validation bench-sizing bench-whatif scenario slurm-demo lab-demo histories clean
.DEFAULT_GOAL := demo

setup: $(VENV)/.installed ## the virtual environment with Maintrain in it

demo: setup ## three rollouts over a simulated fleet, one of them bad, watched by an outside observer
	@$(BIN)/maintrain demo

slurm-demo: setup ## the same train on a real 16-node Slurm on loopback; root, for Debian's slurm packages
	@command -v slurmctld >/dev/null && command -v munged >/dev/null || { \
	  test "$$(id -u)" = 0 || { echo "make slurm-demo installs slurm-wlm and munge, so run it as root." >&2; exit 1; }; \
	  apt-get update -qq && apt-get install -qq -y --no-install-recommends slurm-wlm munge </dev/null; }
	@$(BIN)/maintrain demo --slurm

lab-demo: $(VENV)/.installed-dev ## the same with an SSH server and a BMC behind every node, faults on; root, as above
	@command -v slurmctld >/dev/null && command -v munged >/dev/null && command -v sshd >/dev/null || { \
	  test "$$(id -u)" = 0 || { echo "make lab-demo installs slurm-wlm, munge and openssh-server, so run it as root." >&2; exit 1; }; \
	  apt-get update -qq && apt-get install -qq -y --no-install-recommends slurm-wlm munge openssh-server </dev/null; }
	@$(BIN)/python -m tests.lab

test: $(VENV)/.installed-dev ## every test; ARGS go to pytest
	@$(BIN)/pytest -n 5 --dist loadfile --no-loadscope-reorder --durations=25 $(ARGS)

check: $(VENV)/.installed-dev ## style, types and the arrows between the packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.installed-dev ## throughput beside a bare Temporal program; writes bench/results/ and docs/limits.md
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.whatif

bench-whatif: $(VENV)/.installed-dev ## five policies on 75,000 hosts for 90 days; writes bench/results/whatif.json, docs/whatif.md, docs/limits.md
	@$(BIN)/python -m bench.whatif

bench-blame: $(VENV)/.installed-dev ## thousands of simulated rollouts; writes bench/results/blame.json and docs/limits.md
	@$(BIN)/python -m bench.blame

bench-rollout: $(VENV)/.installed-dev ## a rollout over 10,000 simulated hosts, about an hour; writes bench/results/rollout.json and docs/limits.md
	@$(BIN)/python -m bench.rollout

bench-emergency: $(VENV)/.installed-dev ## emergencies over 1,000 simulated hosts; writes bench/results/emergency.json and docs/limits.md
	@$(BIN)/python -m bench.emergency

bench-validation: $(VENV)/.installed-dev ## the what-if simulator beside closed forms, published figures and the real system; writes docs/validation.md
	@$(BIN)/python -m bench.validation $(ARGS)

bench-sizing: $(VENV)/.installed-dev ## the domain sizes that are found beside a sweep of sizes in the simulator; its part of docs/validation.md
	@$(BIN)/python -m bench.sizing

scenario: $(VENV)/.installed-dev ## everything at once on 2,000 simulated hosts, server and worker killed 50 times; var/scenario/report.json, docs/limits.md
	@$(BIN)/python -m bench.scenario

histories: $(VENV)/.installed-dev ## the recorded runs that the replay tests replay, anew
	@$(BIN)/python -m tests.replay.record

clean: ## the virtual environment and caches; var/ with its facts stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Maintrain needs Python 3.11 or newer: install python3, or name one: make PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Maintrain needs Python's venv module: install the package python3-venv." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/pip pyproject.toml constraints.txt
	@$(PIP) -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: $(BIN)/pip pyproject.toml constraints.txt
	@$(PIP) -e '.[dev]'
	@$(COMPILE)
	@touch $@ $(VENV)/.installed
