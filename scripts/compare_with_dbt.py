#!/usr/bin/env python3
"""Runs dbt and tamis on copies of a project and says where manifests, compiled SQL and results differ.

    python scripts/compare_with_dbt.py path/to/project
    python scripts/compare_with_dbt.py path/to/project --command build --tamis target/release/tamis

Needs dbt with dbt-duckdb (`pip install dbt-duckdb`) and PyYAML, which comes with it. Packages must be in the project's
`dbt_packages` already. The project itself is not touched. Exit status 1 when something differs, 2 when a program
could not be run.

Left out of the comparison: ids, times, paths of the machine, the adapter's name, the macros that come with dbt, with an
adapter or with tamis, and what only one of the programs can know. SQL counts as equal when its bytes are, and as "equal but
for white space" when its words are; built-in macros of the two write white space differently.
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
from collections import Counter
from pathlib import Path

import yaml

EMBEDDED = ("dbt", "dbt_duckdb", "dbt_datafusion")
NOT_COPIED = ("target", "logs", "warehouse", ".git", "*.duckdb")
# Values that differ by nature. Only tamis writes `unrendered_properties`.
IGNORED_KEYS = {"created_at", "root_path", "build_path", "compiled_code", "invocation_id", "adapter_type",
                "unrendered_properties"}
# Lists whose order says nothing, or is that of a set or of a folder's listing in dbt.
UNORDERED = ("macros", "nodes")
UNORDERED_SECTIONS = ("group_map",)
SECTIONS = ("nodes", "sources", "macros", "docs", "exposures", "metrics", "groups", "selectors", "disabled",
            "parent_map", "child_map", "group_map", "saved_queries", "semantic_models", "unit_tests", "functions")
TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+|\S")
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?")
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--command", default="compile", choices=["parse", "compile", "build"])
    parser.add_argument("--dbt", default="dbt", help="the dbt program")
    parser.add_argument("--tamis", default="tamis", help="the tamis program")
    parser.add_argument("--vars", help="passed on to both")
    parser.add_argument("--limit", type=int, default=40, help="differences to print (default 40)")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    return parser.parse_args()


def prepare(project, folder, output):
    """A copy of the project with a profile of its own."""
    copy = folder / "project"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=False)
    written = yaml.safe_load((copy / "dbt_project.yml").read_text()) or {}
    profile = {str(written.get("profile", "default")): {"target": "dev", "outputs": {"dev": output}}}
    profiles = folder / "profiles"
    profiles.mkdir()
    (profiles / "profiles.yml").write_text(yaml.safe_dump(profile))
    return copy, profiles


def run(program, options, copy, profiles):
    command = [program, options.command, "--profiles-dir", str(profiles), "--no-use-colors", "--target-path", "target"]
    if options.vars:
        command += ["--vars", options.vars]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DBT_TARGET")}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        sys.exit(f"cannot run {program}: {error}")
    (copy.parent / "output.txt").write_text(done.stdout + done.stderr)
    manifest = find(copy, "manifest.json")
    if manifest is None:
        print(f"{program} wrote no manifest (exit status {done.returncode}):")
        print("\n".join((done.stdout + done.stderr).splitlines()[-25:]))
    return done.returncode, manifest, find(copy, "run_results.json")


def find(copy, name):
    """An artifact in the project's target folder, wherever that is."""
    paths = [path for path in copy.rglob(name) if "dbt_packages" not in path.parts]
    return json.loads(paths[0].read_text()) if paths else None


def of_embedded_package(unique_id):
    parts = unique_id.split(".")
    return parts[0] in ("macro", "doc") and len(parts) > 1 and parts[1] in EMBEDDED


def simplified(value, key=None):
    """The value without what differs by nature."""
    if isinstance(value, dict):
        return {
            name: simplified(inner, name)
            for name, inner in value.items()
            if name not in IGNORED_KEYS and not of_embedded_package(name)
        }
    if isinstance(value, list):
        kept = [simplified(item) for item in value if not (isinstance(item, str) and of_embedded_package(item))]
        if key == "sources":
            # Of models whose Jinja is simple, dbt takes these from a set.
            kept = [source for at, source in enumerate(kept) if source not in kept[:at]]
        return sorted(kept, key=str) if key in (*UNORDERED, "sources") else kept
    # SQL of ephemeral parents, where a template may have written when the run began.
    return TIME.sub("(time)", value) if key == "sql" and isinstance(value, str) else value


def differences(left, right, path=""):
    """Pairs of values that differ, with the path to them."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted(set(left) | set(right), key=str):
            inner = f"{path}.{name}" if path else str(name)
            if name not in left:
                yield inner, "(absent)", right[name]
            elif name not in right:
                yield inner, left[name], "(absent)"
            else:
                yield from differences(left[name], right[name], inner)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right)):
            yield from differences(one, other, f"{path}[{index}]")
    elif left != right or type(left) is not type(right):
        yield path, left, right


def compare_manifests(dbt, tamis, limit):
    found = []
    for section in SECTIONS:
        left, right = simplified(dbt.get(section) or {}), simplified(tamis.get(section) or {})
        if section in UNORDERED_SECTIONS:
            left, right = ({name: sorted(ids) for name, ids in side.items()} for side in (left, right))
        for unique_id in sorted(set(left) | set(right)):
            if unique_id not in left or unique_id not in right:
                one, other = (("there", "(absent)") if unique_id in left else ("(absent)", "there"))
                found.append((section, unique_id, "", one, other))
                continue
            for path, one, other in differences(left[unique_id], right[unique_id]):
                found.append((section, unique_id, path, one, other))
    print(f"manifest: {len(found)} differences")
    for section, unique_id, path, one, other in found[:limit]:
        print(f"  {section}: {unique_id} {path}\n    dbt   {short(one)}\n    tamis {short(other)}")
    if len(found) > limit:
        print(f"  … and {len(found) - limit} more; all by kind:")
        kinds = Counter((section, re.sub(r"\[\d+\]", "[]", path)) for section, _, path, *_ in found)
        for (section, path), count in kinds.most_common(limit):
            print(f"    {count:6} {section} {path}")
    return len(found)


def short(value):
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 300 else text[:300] + "…"


def words(sql):
    return TOKEN.findall(COMMENT.sub(" ", sql))


def compare_sql(dbt, tamis, limit):
    equal = near = 0
    differing = []
    for unique_id, node in sorted(dbt["nodes"].items()):
        other = tamis["nodes"].get(unique_id, {})
        left, right = node.get("compiled_code"), other.get("compiled_code")
        if left is None or right is None:
            continue
        left, right = TIME.sub("(time)", left), TIME.sub("(time)", right)
        if left == right:
            equal += 1
        elif words(left) == words(right):
            near += 1
        else:
            differing.append((unique_id, left, right))
    print(f"compiled SQL: {equal} equal, {near} equal but for white space, {len(differing)} different")
    for unique_id, left, right in differing[:limit]:
        print(f"  {unique_id}")
        lines = difflib.unified_diff(
            [line.strip() for line in left.splitlines() if line.strip()],
            [line.strip() for line in right.splitlines() if line.strip()], "dbt", "tamis", lineterm="", n=0)
        for line in list(lines)[2:14]:
            print(f"    {line[:200]}")
    return len(differing)


def compare_results(dbt, tamis, limit):
    left = {result["unique_id"]: result for result in dbt["results"]}
    right = {result["unique_id"]: result for result in tamis["results"]}
    found = []
    for unique_id in sorted(set(left) | set(right)):
        one, other = left.get(unique_id, {}), right.get(unique_id, {})
        if (one.get("status"), one.get("failures")) != (other.get("status"), other.get("failures")):
            found.append((unique_id, one, other))
    print(f"results: {len(left)} of dbt, {len(right)} of tamis, {len(found)} differ")
    for unique_id, one, other in found[:limit]:
        print(f"  {unique_id}\n    dbt   {one.get('status')} {one.get('failures')} {(one.get('message') or '')[:300]}")
        print(f"    tamis {other.get('status')} {other.get('failures')} {(other.get('message') or '')[:300]}")
    return len(found)


def main():
    options = arguments()
    if not (options.project / "dbt_project.yml").is_file():
        sys.exit(f"{options.project} has no dbt_project.yml")
    if options.keep:
        shutil.rmtree(options.keep, ignore_errors=True)
        options.keep.mkdir(parents=True)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="compare-"))
    try:
        # The same names of database and schema on both sides, so that SQL can be compared.
        for side in ("dbt", "tamis"):
            (folder / side).mkdir()
        threads = {"threads": 2, "schema": "main"}
        duckdb = {"type": "duckdb", "path": str((folder / "dbt" / "lake.duckdb").resolve()), **threads}
        lake = {"type": "datafusion", "path": "warehouse", "database": "lake", **threads}
        status, manifest, results = run(options.dbt, options, *prepare(options.project, folder / "dbt", duckdb))
        other_status, other_manifest, other_results = run(
            options.tamis, options, *prepare(options.project, folder / "tamis", lake))
        print(f"exit status: dbt {status}, tamis {other_status}")
        count = int(status != other_status)
        if manifest is None or other_manifest is None:
            sys.exit(2 if manifest is not other_manifest else count)
        count += compare_manifests(manifest, other_manifest, options.limit)
        count += compare_sql(manifest, other_manifest, options.limit)
        if options.command == "build" and results and other_results:
            count += compare_results(results, other_results, options.limit)
        sys.exit(1 if count else 0)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
