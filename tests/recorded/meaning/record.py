"""Records the semantic layer that dbt 1.12 makes of `project/`: run with a Python that has dbt-core 1.12 and dbt-duckdb.

Writes `manifest.json` (the semantic layer, its lineage and groups, without times) and `semantic_manifest.json`.
"""

import json
import pathlib
import shutil
import sys
import tempfile

from dbt.cli.main import dbtRunner

HERE = pathlib.Path(__file__).parent
PARTS = "metrics semantic_models saved_queries disabled parent_map child_map group_map".split()


def settle(value):
    """Times are the same for everyone."""
    if isinstance(value, dict):
        return {key: 1.5 if key == "created_at" else settle(inner) for key, inner in value.items()}
    return [settle(inner) for inner in value] if isinstance(value, list) else value


def main() -> None:
    project = pathlib.Path(tempfile.mkdtemp()) / "project"
    shutil.copytree(HERE / "project", project)
    outcome = dbtRunner().invoke(["parse", "--project-dir", str(project), "--profiles-dir", str(project), "--quiet"])
    if not outcome.success:
        sys.exit(f"parse: {outcome.exception}")
    text = json.loads((project / "target" / "manifest.json").read_text())
    parts = {part: settle(text[part]) for part in PARTS}
    columns = {uid: node["columns"] for uid, node in text["nodes"].items() if node["columns"]}
    keys = ("granularity", "entity", "dimension")
    parts["columns"] = {
        f"{uid}.{name}": {key: column[key] for key in keys if column[key] is not None}
        for uid, of_node in columns.items()
        for name, column in of_node.items()
    }
    (HERE / "manifest.json").write_text(json.dumps(parts, separators=(",", ":")) + "\n")
    text = json.loads((project / "target" / "semantic_manifest.json").read_text())
    (HERE / "semantic_manifest.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")


main()
