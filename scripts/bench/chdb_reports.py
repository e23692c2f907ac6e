"""Loads an export of raw history into chDB (ClickHouse in this process) and asks it questions.

usage: chdb_reports.py FOLDER RUNS < questions.json
FOLDER has events.csv and quality_samples.csv; questions are {name: SQL}. Prints, as JSON, for each
question its seconds of all runs and the rows of the last.
"""

import csv
import io
import json
import sys
import time

from chdb import session

folder, runs = sys.argv[1], int(sys.argv[2])
questions = json.load(sys.stdin)
database = session.Session(f"{folder}/chdb")
database.query(
    """
    create table events (
        circle_id UUID, circle_seq Int64, occurred_at DateTime64(6, 'UTC'),
        event_type LowCardinality(String), source LowCardinality(String), uid String,
        session_id Nullable(UUID), actor_uid String, role LowCardinality(String), reason String
    ) engine = MergeTree
    partition by toYYYYMM(occurred_at) order by (event_type, occurred_at)
    """
)
database.query(
    """
    create table quality_samples (
        circle_id UUID, session_id UUID, direction LowCardinality(String),
        source LowCardinality(String), source_epoch Int64, sampled_at DateTime64(6, 'UTC'),
        source_seq Int64, uid String, packets_expected Int64, packets_lost Int64
    ) engine = MergeTree
    partition by toYYYYMM(sampled_at) order by (sampled_at, circle_id)
    """
)
for table in ("events", "quality_samples"):
    database.query(
        f"insert into {table} select * from file('{folder}/{table}.csv', 'CSV') "
        "settings date_time_input_format = 'best_effort', input_format_parallel_parsing = 1"
    )
    print(f"{table} loaded", file=sys.stderr)

answers = {}
for name, question in questions.items():
    seconds = []
    try:
        for _ in range(runs):
            began = time.perf_counter()
            text = str(database.query(question, "CSV"))
            seconds.append(time.perf_counter() - began)
        answers[name] = {"seconds": seconds, "rows": list(csv.reader(io.StringIO(text)))}
    except Exception as problem:  # a question that fails is an answer too
        answers[name] = {"seconds": [], "rows": [], "problem": str(problem)[:400]}
json.dump(answers, sys.stdout)
