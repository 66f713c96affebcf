PYTHON ?= python3
VENV := .venv
AHA := $(VENV)/bin/aha
CLIENTS := .venv-clients

demo: $(VENV)/.core
	$(AHA) run recipes/laptop.toml

# Several test processes share the cores: threads that spin while they wait would take the time of the others.
test: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	OMP_WAIT_POLICY=passive $(VENV)/bin/python -m pytest -n auto --dist loadfile

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(VENV)/bin/python -m pip install --quiet --editable ".[dev,trl]"
	touch $@

clients: $(CLIENTS)/.done

$(CLIENTS)/.done:
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet "openai>=2,<3" "llm>=0.27" "lm-eval[api]>=0.4.9"
	touch $@

clean:
	rm -rf $(VENV) $(CLIENTS) runs

.PHONY: demo test clients clean
