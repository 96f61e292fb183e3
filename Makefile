# Everything a person does here. `make run` needs Python 3.11 or newer and the network once, to install locked packages.
PY := .venv/bin/python

.PHONY: run test style types imports bench screenshots lock clean
.DEFAULT_GOAL := run

run: ## Reference CSMS and a charge point on mock hardware; `make run ARGS=--auto` plays one session and compares the books
	@scripts/venv runtime
	@$(PY) -m firmware demo $(ARGS)

test: style types imports ## Everything that has to be true
	@scripts/prepare-tests
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

style: .dev ## Linter and formatter
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: .dev ## mypy --strict
	@.venv/bin/mypy

imports: .dev ## The arrows between the rooms
	@.venv/bin/lint-imports --no-cache

bench: .dev ## Figures beside their floors and peers
	@$(PY) -m bench $(ARGS)

.PHONY: .dev
.dev:
	@scripts/venv development

screenshots: .dev ## Writes docs/screenshots/*.png anew: the page in a real browser; needs Chromium
	@scripts/prepare-tests
	@$(PY) -m tests.page.screenshots

lock: ## Writes requirements/*.txt anew from pyproject.toml
	@scripts/lock

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
