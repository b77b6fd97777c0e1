"""Records what dbt finds modified: run with a Python that has dbt-core and dbt-duckdb.

Parses `project/` as the state, makes each change of `edits.json` in a copy, and writes `manifest.json` (the state, without
dbt's own macros, times and places) and `selections.json` (change -> selector -> unique ids, or the error).
"""

import json
import os
import pathlib
import shutil
import tempfile
from argparse import Namespace

import dbt.contracts.graph.nodes as nodes_module
import dbt.graph.selector as selector_module
from dbt.cli.main import dbtRunner
from dbt.compilation import Linker
from dbt.contracts.state import PreviousState
from dbt.flags import set_from_args
from dbt.graph import Graph, ResourceTypeSelector
from dbt.graph.cli import parse_difference
from dbt.node_types import NodeType
from dbt_common.context import set_invocation_context
from dbt_common.events.contextvars import task_contextvars

HERE = pathlib.Path(__file__).parent
SELECTORS = [
    "state:new",
    "state:old",
    "state:modified",
    "state:unmodified",
    "state:modified.body",
    "state:modified.configs",
    "state:modified.relation",
    "state:modified.persisted_descriptions",
    "state:modified.macros",
    "state:modified.contract",
]


def edited(project: pathlib.Path, edit: dict) -> None:
    for path, old, new in edit.get("replace", []):
        text = (project / path).read_text()
        assert old in text, (edit["name"], old)
        (project / path).write_text(text.replace(old, new, 1))
    for old, new in edit.get("move", []):
        (project / new).parent.mkdir(exist_ok=True)
        (project / old).rename(project / new)
    for path, text in edit.get("write", {}).items():
        (project / path).write_text(text)
    if edit.get("windows"):
        for path in project.rglob("*"):
            if path.suffix in (".sql", ".yml", ".csv"):
                path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def parsed(project: pathlib.Path, *args: str):
    where = ["--project-dir", str(project), "--profiles-dir", str(project), "--quiet", "--no-partial-parse"]
    outcome = dbtRunner().invoke(["parse", *where, *args])
    assert outcome.success, outcome.exception
    return outcome.result


def found(manifest, state: PreviousState) -> dict:
    linker = Linker()
    linker.link_graph(manifest)
    selector = ResourceTypeSelector(
        graph=Graph(linker.graph), manifest=manifest, previous_state=state, resource_types=list(NodeType), include_empty_nodes=True
    )
    outcomes = {}
    for word in SELECTORS:
        try:
            outcomes[word] = sorted(selector.get_selected(parse_difference([word], [])))
        except Exception as error:  # noqa: BLE001
            outcomes[word] = str(error).strip()
    if isinstance(outcomes["state:unmodified"], list):
        # The complement says it in fewer words.
        everything = {*outcomes["state:old"], *outcomes["state:new"]}
        outcomes["state:unmodified"] = sorted(everything - set(outcomes["state:unmodified"]))
    del outcomes["state:old"]
    return {word: outcome for word, outcome in outcomes.items() if outcome}


def main() -> None:
    folder = pathlib.Path(tempfile.mkdtemp())
    project, state = folder / "project", folder / "state"
    shutil.copytree(HERE / "project", project)
    parsed(project)
    shutil.copytree(project / "target", state)
    manifest = json.loads((state / "manifest.json").read_text())
    parts = "metadata nodes sources macros exposures disabled".split()
    kept = {part: manifest[part] for part in parts}
    kept["metadata"] = {"dbt_schema_version": manifest["metadata"]["dbt_schema_version"]}
    kept["macros"] = {key: value for key, value in kept["macros"].items() if value["package_name"] == "shop"}
    for node in [*kept["nodes"].values(), *kept["sources"].values(), *kept["exposures"].values(), *kept["macros"].values()]:
        node["created_at"] = 1.5
        if "root_path" in node:
            node["root_path"] = "/project"
    (HERE / "manifest.json").write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    recorded = {}
    for edit in json.loads((HERE / "edits.json").read_text()):
        shutil.rmtree(project)
        shutil.copytree(HERE / "project", project)
        edited(project, edit)
        os.environ.update(edit.get("env", {}))
        current = parsed(project, "--target", edit.get("target", "dev"), "--vars", json.dumps(edit.get("vars", {})))
        for name in edit.get("env", {}):
            del os.environ[name]
        set_invocation_context({})
        set_from_args(Namespace(INDIRECT_SELECTION="empty", state_modified_compare_more_unrendered_values=False), None)
        selector_module.warn_or_error = nodes_module.warn_or_error = lambda *_, **__: None
        with task_contextvars(project_root=str(project)):
            recorded[edit["name"]] = found(current, PreviousState(state, project / "target", project))
        print(edit["name"], json.dumps(recorded[edit["name"]])[:300], flush=True)
    (HERE / "selections.json").write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
