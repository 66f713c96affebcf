PYTHON ?= python3
VENV := .venv
AHA := $(VENV)/bin/aha

demo: $(VENV)/.core
	$(AHA) run recipes/laptop.toml

test: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -n auto --dist loadfile

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(VENV)/bin/python -m pip install --quiet --editable ".[dev,trl]"
	touch $@

clean:
	rm -rf $(VENV) runs

.PHONY: demo test clean
