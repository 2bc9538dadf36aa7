# The two main commands: `make demo` shows everything on a simulated exchange, `make test` proves it.
PY := .venv/bin/python
STACK := $(PY) -m scripts.stack
.DEFAULT_GOAL := help
export HEADLINE := $(value TEXT)
.PHONY: help setup demo up down status logs audit backfill replay accept reset test check format bench scorecard explain chaos clean

help:  ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

setup:  ## install .venv and the jars of Kafka and Spark
	@scripts/setup.sh

demo: setup  ## start the stack on a simulated exchange and show it live (DETACH=1: in the background)
	@$(STACK) demo $(if $(DETACH),--detach)

up: setup  ## the same on the real exchanges and newsrooms (DETACH=1: in the background)
	@$(STACK) up $(if $(DETACH),--detach)

down:  ## stop everything
	@$(STACK) down

status:  ## show the health of every service (FORMAT=json)
	@$(STACK) status --format $(or $(FORMAT),text)

logs:  ## follow the logs (PART=api)
	@$(STACK) logs $(PART)

audit:  ## compare the records in Kafka with the rows in the tables
	@$(PY) -m scripts.audit

backfill:  ## load a pair's history (SOURCE=kraken PAIR=BTC/USD SINCE=2026-11-01)
	@$(PY) -m scripts.backfill $(if $(SOURCE),--source "$(SOURCE)") $(if $(PAIR),--pair "$(PAIR)") $(if $(SINCE),--since "$(SINCE)")

replay:  ## list, repair and replay dead letters (ARGS=--help shows how)
	@$(PY) -m scripts.replay $(ARGS)

accept:  ## store pending messages even if too many are unreadable (kafka_to_timescale ended with code 3)
	@$(PY) -m spark_jobs.accept_unreadable

reset:  ## delete the data of a stopped stack
	@$(STACK) reset

test: setup  ## run all tests
	@scripts/test.sh $(ARGS)

check: setup  ## check lint, format and types
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

format: setup  ## format the code, and fix what the linter can
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

bench: setup  ## measure the performance claims (ONLY=P1,P2)
	@$(PY) -m bench $(if $(ONLY),--only $(ONLY))

scorecard: setup  ## measure the sentiment scorers (DATA='more.csv ...' with headline,label[,date]; OUT=file)
	@$(PY) -m sentiment.lab.scorecard $(DATA) $(if $(OUT),--out $(OUT))

explain: setup  ## show each scorer's verdict on a headline, and the words that decided it (TEXT='...')
	@$(PY) -m sentiment.lab.explain "$$HEADLINE"

chaos: setup  ## kill services at random and check that no row is lost or duplicated (KILLS=20 SEED=7 WITHOUT=ledger)
	@$(PY) -m tests.chaos --kills $(or $(KILLS),20) --seed $(or $(SEED),7) $(if $(WITHOUT),--without $(WITHOUT))

clean:  ## delete what setup installed (data are kept)
	rm -rf .venv scripts/kafka/lib spark_jobs/jars/*.jar .mypy_cache .ruff_cache .pytest_cache .hypothesis
