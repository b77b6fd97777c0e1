#!/usr/bin/env python3
"""Runs dbt-snowflake and tamis on the same project against the same fake Snowflake and compares the statements they send.

    pip install 'fakesnow[server]==0.12.1' 'snowflake-connector-python<5' 'dbt-snowflake==1.11.6'
    python scripts/snowflake_statements.py --tamis target/debug/tamis

The project is tests/recorded/snowflake/project: each materialization and each config of dbt-snowflake. Every tool gets a server
of its own (scripts/fake_snowflake.py). Statements are put into groups by the node in their query comment and compared one by
one, without white space, comments, double quotes and case. What is a deliberate difference is in RULES below and in
docs/coming-from-dbt-snowflake.md. Exit status 1 when something else differs, 2 when a program could not be run.
"""

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "tests/recorded/snowflake/project"
WINDOW = ["--event-time-start", "2026-01-01", "--event-time-end", "2026-01-04"]
CHANGED = "{lag: 10 minutes, wh: big, mode: INCREMENTAL, switched: %s}"
STEPS = [
    ("first build", ["build", *WINDOW]),
    ("second build", ["build", *WINDOW]),
    ("changed configs", ["run", "--vars", CHANGED % "table", "-s", "dynamic_altered", "dynamic_replaced", "switched"]),
    ("table to dynamic table", ["run", "--vars", CHANGED % "dynamic_table", "-s", "switched"]),
    ("full refresh", ["run", "--full-refresh", "-s", "inc_merge", "dynamic_plain", "table_plain", "view_plain"]),
    ("seeds anew", ["seed", "--full-refresh"]),
]
# Asking the account: compared by number alone, as tamis remembers what it was told.
METADATA = re.compile(
    r"(show |describe |desc |select \* from\(.* where false limit 0$|select current_warehouse|create or replace temporary table \S+ "
    r"as\(select \* from\(.*\)where false limit 0\)$|drop table if exists \S+__dbt_tmp cascade$)"
)
# (what it is, pattern of a statement, its replacement): applied to both streams.
RULES = [
    ("columns that are inserted are named with their table", r"dbt_internal_source\.(\"?\w+\"?)(?=[,)])", r"\1"),
    ("values of seeds are typed literals", r"(?<=[(,])'(-?\d+(?:\.\d+)?)'(?=[,)])", r"\1"),
    ("a view names its columns only where one is documented", r"\(id comment \$\$\$\$,name comment \$\$\$\$\)", " "),
    ("INSERT OVERWRITE names its columns", r"insert overwrite into (\S+?)\([^)]*\)select [^)]* from", r"insert overwrite into \1 select * from"),
]
# Statements that only one of the two sends.
ONLY_DBT = [
    ("a temporary relation that was never made is not dropped", r"drop (view|table) if exists \S+__dbt_tmp(_\d+)? cascade$"),
    ("a warehouse is compared without case, so nothing is altered", r"alter dynamic table \S+ set warehouse = small$"),
    ("clustering keys are compared without LINEAR, so nothing is altered", r"alter dynamic table \S+ cluster by\(id\)$"),
]
ONLY_TAMIS = [
    ("the two statements of a microbatch are one transaction", r"(begin|commit)$"),
    ("hooks outside of the transaction run", r"select \d as (before_begin|after_commit)$"),
]


def normalised(sql):
    """(node, statement) of a statement's text."""
    comment = re.search(r"/\*\s*(\{.*?\})\s*\*/", sql, re.DOTALL)
    info = json.loads(comment.group(1)) if comment else {}
    text = re.sub(r"/\*.*?\*/", " ", sql, flags=re.DOTALL)
    text = re.sub(r"--[^\n]*", " ", text)
    text = re.sub(r"\s+", " ", text).strip().rstrip(";").strip()
    text = re.sub(r"\s*([(),])\s*", r"\1", text)
    while "((" in text and re.search(r"\(\(([^()]*)\)\)", text):
        text = re.sub(r"\(\(([^()]*)\)\)", r"(\1)", text)
    text = text.replace('"', "").lower()
    for _, pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return info.get("node_id", ""), text


def kind(statement):
    """What a statement does to what, without the query inside."""
    head = re.split(r"\bas\s?\(|\bselect\b|\busing\b|\bvalues\b", statement, maxsplit=1)[0].strip()
    return head or statement.split("(")[0][:40]


class Server:
    def __init__(self, python, port, log):
        script = ROOT / "scripts/fake_snowflake.py"
        self.process = subprocess.Popen([python, str(script), "--port", str(port), "--log", str(log)])
        for _ in range(100):
            time.sleep(0.2)
            if subprocess.run([python, "-c", SETUP, str(port)], capture_output=True).returncode == 0:
                return
        self.stop()
        sys.exit("the fake Snowflake does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()


SETUP = """
import sys, snowflake.connector
connection = snowflake.connector.connect(user="a", password="b", account="fakesnow", host="localhost", port=int(sys.argv[1]),
                                         protocol="http", login_timeout=2, network_timeout=2)
connection.cursor().execute("create database if not exists everything")
"""


def stream(name, program, python, port, folder):
    """The statements of each step, as sent by one program."""
    project, log = folder / name, folder / f"{name}.jsonl"
    shutil.copytree(PROJECT, project)
    server = Server(python, port, log)
    steps = []
    try:
        for title, arguments in STEPS:
            before = len(log.read_text().splitlines())
            ran = subprocess.run(
                [program, *arguments, "--profiles-dir", "."], cwd=project, env={**os.environ, "SNOWFLAKE_PORT": str(port)},
                capture_output=True, text=True,
            )
            if ran.returncode != 0:
                print(ran.stdout, ran.stderr, file=sys.stderr)
                sys.exit(f"{name}: {title} failed")
            lines = log.read_text().splitlines()[before:]
            steps.append([normalised(json.loads(line)["sql"]) for line in lines])
    finally:
        server.stop()
    return steps


def in_order(statements):
    """Grants that follow each other have no order."""
    ordered = []
    for statement in statements:
        at = len(ordered)
        while statement.startswith("grant ") and at > 0 and ordered[at - 1].startswith("grant ") and ordered[at - 1] > statement:
            at -= 1
        ordered.insert(at, statement)
    return ordered


def without(statements, rules, used):
    kept = []
    for statement in statements:
        rule = next((title for title, pattern in rules if re.match(pattern, statement)), None)
        if rule is None:
            kept.append(statement)
        else:
            used[rule] += 1
    return kept


def compare(dbt, tamis, show):
    counts, used, own_words, wrong = Counter(), Counter(), Counter(), []
    for (title, _), dbt_step, tamis_step in zip(STEPS, dbt, tamis):
        groups = defaultdict(lambda: ([], []))
        for side, step in enumerate((dbt_step, tamis_step)):
            for node, statement in step:
                if METADATA.match(statement):
                    counts[f"metadata of {('dbt', 'tamis')[side]}"] += 1
                elif node:
                    groups[node][side].append(statement)
        for node, (theirs, ours) in sorted(groups.items()):
            theirs, ours = in_order(theirs), in_order(ours)
            if node.startswith("unit_test."):
                own_words["unit test: one query, without a temporary table"] += 1
                continue
            only_theirs = without(theirs, ONLY_DBT, used)
            if theirs != ours:
                theirs, ours = only_theirs, without(ours, ONLY_DBT, Counter())
            if theirs != ours and len(theirs) != len(ours):
                ours = without(ours, ONLY_TAMIS, used)
                theirs = without(theirs, ONLY_TAMIS, Counter())
            counts["statements"] += len(ours)
            if theirs == ours:
                counts["equal"] += len(ours)
                continue
            if [kind(statement) for statement in theirs] == [kind(statement) for statement in ours]:
                same = sum(a == b for a, b in zip(theirs, ours))
                counts["equal"] += same
                counts["equal but for the query inside"] += len(ours) - same
                for a, b in zip(theirs, ours):
                    if a != b:
                        own_words[kind(b).split(" ")[0] + " of " + node.split(".")[0]] += 1
                        if show:
                            print(f"~ {title}, {node}\n    dbt   {a}\n    tamis {b}")
                continue
            wrong.append(f"{title}, {node}")
            print(f"! {title}, {node}")
            for line in difflib.unified_diff(theirs, ours, "dbt", "tamis", lineterm="", n=0):
                print("    " + line)
    for key, count in counts.items():
        print(f"{count:6} {key}")
    for key, count in {**own_words, **used}.items():
        print(f"{count:6} deliberate: {key}")
    print(f"{len(wrong):6} nodes whose statements differ")
    return not wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--dbt", default="dbt", help="dbt with dbt-snowflake")
    arguments.add_argument("--tamis", default="tamis")
    arguments.add_argument("--python", default=sys.executable, help="a Python with fakesnow")
    arguments.add_argument("--port", type=int, default=8775, help="and the one above it")
    arguments.add_argument("--show", action="store_true", help="also print statements whose query differs")
    arguments.add_argument("--keep", type=Path, help="work in this folder and keep it")
    given = arguments.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    tamis = str(Path(given.tamis).resolve()) if os.sep in given.tamis else given.tamis
    ours = stream("tamis", tamis, given.python, given.port + 1, folder)
    theirs = stream("dbt", given.dbt, given.python, given.port, folder)
    equal = compare(theirs, ours, given.show)
    if not given.keep:
        shutil.rmtree(folder)
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
