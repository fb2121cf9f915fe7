# Everything runs in .venv, which setup.sh makes and keeps.  `make test` needs root (or sudo
# without a password) only to install Debian packages that are missing.

PYTHON := .venv/bin/python

.PHONY: demo test soak lint bench wheels

demo: .venv/stamp.demo
	.venv/bin/lpse-ops demo

test: .venv/stamp.test
	$(PYTHON) -m pytest -n 4 --dist loadgroup --no-skips \
		--cov=lpse_ops --cov-report=term:skip-covered

# Hours of what make test does for minutes; LPSE_OPS_SOAK_KILLS=1000 makes it longer.
soak: .venv/stamp.test
	$(PYTHON) -m pytest -n 4 --dist loadgroup --no-skips -m soak

lint: .venv/stamp.lint
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy --strict lpse_ops
	MYPYPATH=roles/spse/files/steprunner $(PYTHON) -m mypy --strict -p spse_steps
	.venv/bin/vermin --target=3.6- --no-tips --violations lpse_ops/agent roles/spse/files/steprunner roles/postgresql/files
	PATH="$$PWD/.venv/bin:$$PATH" ansible-lint roles playbooks

# Our own wheel and all that it needs, for servers without a way out (role backup_client).
wheels: .venv/stamp.demo
	rm -rf build wheels
	$(PYTHON) -m pip wheel --quiet --disable-pip-version-check --wheel-dir wheels .

bench: .venv/stamp.test
	$(PYTHON) -m benchmarks
	$(PYTHON) -m benchmarks.playbooks
	$(PYTHON) -m benchmarks.inventories
	$(PYTHON) -m benchmarks.offsite
	$(PYTHON) -m benchmarks.spse

.venv/stamp.%: pyproject.toml setup.sh
	./setup.sh $*
