.DEFAULT_GOAL := help
.PHONY: help install app test check format bench screenshots

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

install: ## Install everything the app, the tests and the checks need, into the active environment
	pip install -r requirements-dev.txt
	pre-commit install

app: ## Open the app
	streamlit run app.py

test: ## Run all tests (DERMAVIZ_DATA adds those on real photos)
	pytest

check: ## Lint, format check and types
	ruff check .
	ruff format --check .
	mypy

format: ## Mend lint and format
	ruff check --fix .
	ruff format .

bench: ## Measure against the libraries a user would take instead
	python -m benchmarks

screenshots: ## Take screenshots of every page into build/screenshots
	python tests/browser/screenshots.py build/screenshots
