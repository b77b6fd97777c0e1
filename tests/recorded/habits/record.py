"""Records the manifest that dbt writes for `project/`: run with a Python that has dbt-core and dbt-duckdb.

Writes `manifest.json` (without dbt's own macros and docs, times and places).
"""

import json
import pathlib
import shutil
import sys
import tempfile

from dbt.cli.main import dbtRunner

HERE = pathlib.Path(__file__).parent
PARTS = """nodes sources macros exposures metrics groups docs disabled parent_map child_map group_map saved_queries semantic_models
unit_tests""".split()
OWN = ("shop", "kit")


def settle(value):
    """Times and places of the machine are the same for everyone."""
    if isinstance(value, dict):
        fixed = {"created_at": 1.5, "root_path": "/project"}
        return {key: fixed[key] if key in fixed and inner is not None else settle(inner) for key, inner in value.items()}
    return [settle(inner) for inner in value] if isinstance(value, list) else value


def main() -> None:
    project = pathlib.Path(tempfile.mkdtemp()) / "project"
    shutil.copytree(HERE / "project", project)
    where = ["--project-dir", str(project), "--profiles-dir", str(project), "--quiet"]
    for command in ("deps", "parse"):
        outcome = dbtRunner().invoke([command, *where])
        if not outcome.success:
            sys.exit(f"{command}: {outcome.exception}")
    text = json.loads((project / "target" / "manifest.json").read_text())
    parts = {part: settle(text[part]) for part in PARTS}
    for part in ("macros", "docs"):
        parts[part] = {uid: entry for uid, entry in parts[part].items() if entry["package_name"] in OWN}
    (HERE / "manifest.json").write_text(json.dumps(parts, separators=(",", ":")) + "\n")


main()
