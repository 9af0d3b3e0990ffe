# Two commands do everything: `make run` and `make test`. Nothing but Python 3.11 and make is assumed.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

.PHONY: run test check format help
.DEFAULT_GOAL := help

help: ## List what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.production ## Start the site, its worker and a demonstration
	@$(BIN)/python manage.py prepare
	@SITE_URL=http://127.0.0.1:$(PORT) $(BIN)/python manage.py demonstrate
	@PORT=$(PORT) SITE_URL=http://127.0.0.1:$(PORT) $(BIN)/honcho --no-prefix start -f deploy/Procfile

test: $(VENV)/.development ## Run every test: on SQLite, in a browser, then on PostgreSQL
	$(BIN)/python -m pytest
	$(BIN)/python -m invoiceapp.tests.postgres_for_tests $(BIN)/python -m pytest --database -m "not browser"

check: $(VENV)/.development ## Run the linters and the consistency checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy invoiceapp extraction review
	$(BIN)/python manage.py makemigrations --check --dry-run
	SITE_URL=https://invoices.example.com SECRET_KEY=$$(head -c 48 /dev/urandom | base64) BEHIND_PROXY=true \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/.development ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}. Name another one: make PYTHON=/path/to/python3.11 ...")'
	@echo "Making the virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.production: requirements.txt | $(VENV)/.python
	@echo "Installing what the site needs (a few minutes, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt requirements-nodeps.txt requirements.txt | $(VENV)/.python
	@echo "Installing what the tests need (a few minutes, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-nodeps.txt
	@touch $@ $(VENV)/.production
