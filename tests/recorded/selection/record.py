"""Records what dbt selects from `project/`: run with a Python that has dbt-core and dbt-duckdb.

Writes `manifest.json` (without macros, times and places) and `selections.json` (options -> unique ids and warnings).
"""

import json
import pathlib
import shutil
import sys
import tempfile
from argparse import Namespace

from dbt.cli.main import dbtRunner

HERE = pathlib.Path(__file__).parent
WORDS = """orders +orders orders+ @stg_b 1+orders stg_a+1 2+kpi+1 0+kpi stg_b+0 +kpi,tag:stg tag:stg tag:mart tag:st*
tag:kit_tag tag:lake tag:ex tag:tt tag:ct shop.staging staging marts marts.core shop.marts.core.orders core.orders
stg_? stg_* *_a shop.*.orders *.core.* sta*.stg_a kit kit.base base_a base.base_a dim dim.v1 dim.v2 dim_v1 dim_v2
shop.marts.dim.v1 marts.dim_v2 +dim.v2 source:ext source:ext.events source:shop.ext.* source:*.*.events source:ext.events+
source:kit.ext+ exposure:board +exposure:board exposure:* exposure:shop.board exposure:kit.* path:models path:models/staging
path:models/staging/stg_a.sql path:models/*/stg_*.sql path:models/** path:models/**/orders.sql models/staging
models/staging/schema.yml path:seeds path:tests path:nothing models/marts/ ./models/marts path:models/marts/*
file:stg_a.sql file:stg_a stg_a.sql STG_A.SQL raw_a.csv file:schema file:schema.yml file:*.csv file:d* package:shop
package:this package:kit package:k* config.materialized:table config.materialized:view+ config.materialized:ephemeral
config.enabled:true config.enabled:false config.enabled:TRUE config.severity:warn config.severity:WARN
config.meta.owner:bi config.meta.lvl:3 config.tags:x config.group:fin config.contract.enforced:false config.nothing:x
config.docs.show:true config.persist_docs:x config.strategy:check config.check_cols:v config.unique_key:id
config.column_types.id:integer config:x resource_type:model resource_type:seed resource_type:test resource_type:source
resource_type:exposure resource_type:snapshot resource_type:analysis resource_type:operation resource_type:metric
test_type:generic test_type:schema test_type:singular test_type:data test_name:unique test_name:not_null test_name:*ed*
test_name:positive group:fin group:f* group:none access:private access:protected access:public version:latest
version:old version:prerelease version:none metric:* semantic_model:* saved_query:* snap_a snap unique_stg_a_id
singular_kpi rel_named not_null_stg_a_id+ +singular_kpi nothing fqn:* fqn:orders blank off ana shop kpi@ 
@source:ext.events @exposure:board +kpi+ raw_a+ uses_dim+ +uses_dim tag: + [s]tg_a stg_[!a] stg_[ab] stg_a,stg_b
stg_a,tag:stg tag:mart,+kpi,config.materialized:table""".split()

PAIRS = [  # select, exclude
    (["stg_a", "stg_b"], []),
    (["stg_a stg_b"], []),
    (["stg_a  nothing"], []),
    ([], ["tag:stg"]),
    ([], ["stg_a"]),
    (["stg_a"], ["unique_stg_a_id"]),
    (["stg_a", "stg_b"], ["stg_b"]),
    (["tag:stg"], ["stg_a"]),
    (["+kpi"], ["stg_a+"]),
    (["tag:stg"], ["resource_type:test"]),
    (["orders"], ["nothing"]),
    (["+orders", "dim"], ["tag:stg,config.materialized:view"]),
    (["test_type:singular", "orders+"], ["kpi"]),
    (["kpi", "stg_a"], []),
    (["orders", "stg_a"], ["test_name:unique"]),
    (["stg_b+"], ["tag:mart"]),
    (["@stg_events"], ["dim+"]),
]
ERRORS = ["foo:x", "@stg_a+", "source:a.b.c.d", "exposure:a.b.c", "resource_type:foo", "test_type:foo", "version:foo"]


def main() -> None:
    folder = pathlib.Path(tempfile.mkdtemp())
    project = folder / "project"
    shutil.copytree(HERE / "project", project)
    where = ["--project-dir", str(project), "--profiles-dir", str(project), "--quiet"]
    for command in ("deps", "parse"):
        outcome = dbtRunner().invoke([command, *where])
        if not outcome.success:
            sys.exit(f"{command}: {outcome.exception}")
    manifest = outcome.result
    from dbt.compilation import Linker
    from dbt.flags import set_from_args
    from dbt.graph import Graph, ResourceTypeSelector
    from dbt.graph.cli import parse_difference, parse_from_selectors_definition
    from dbt.contracts.selection import SelectorFile
    from dbt.node_types import NodeType
    from dbt_common.context import set_invocation_context
    from dbt_common.events.contextvars import task_contextvars
    import dbt.graph.selector as selector_module

    text = json.loads((project / "target" / "manifest.json").read_text())
    parts = "nodes sources exposures groups docs selectors disabled parent_map child_map group_map".split()
    recorded_parts = {part: text[part] for part in parts}
    for node in [node for part in ("nodes", "sources", "exposures") for node in text[part].values()] + [
        node for nodes in text["disabled"].values() for node in nodes
    ]:
        node["created_at"] = 1.5
        if "root_path" in node:
            node["root_path"] = "/project"
    # The texts of dbt's own docs are not ours to keep.
    recorded_parts["docs"] = {uid: doc for uid, doc in text["docs"].items() if doc["package_name"] != "dbt"}
    set_invocation_context({})
    warnings: list[str] = []
    selector_module.warn_or_error = lambda event: warnings.append(event.message())
    linker = Linker()
    linker.link_graph(manifest)
    graph = Graph(linker.graph)

    def chosen(spec) -> dict:
        warnings.clear()
        with task_contextvars(project_root=str(project)):
            selector = ResourceTypeSelector(
                graph=graph, manifest=manifest, previous_state=None, resource_types=list(NodeType), include_empty_nodes=True
            )
            return {"ids": " ".join(sorted(selector.get_selected(spec))), "warnings": list(warnings)}

    def in_all_modes(entry: dict, spec) -> dict:
        """The outcome by mode of indirect selection; modes that give the eager outcome are left out."""
        for mode in ("eager", "cautious", "buildable", "empty"):
            set_from_args(Namespace(INDIRECT_SELECTION=mode), None)
            try:
                outcome = chosen(spec())
            except Exception as error:  # noqa: BLE001
                outcome = {"error": str(error)}
            if mode == "eager" or outcome != entry["eager"]:
                entry[mode] = outcome
        return entry

    def named(name):
        file = SelectorFile.from_dict({"selectors": [dict(value) for value in text["selectors"].values()]})
        return parse_from_selectors_definition(file)[name]["definition"]

    cases = [([word], []) for word in WORDS + ERRORS] + PAIRS
    recorded = [
        in_all_modes(
            {"select": select, "exclude": exclude}, lambda: parse_difference(tuple(select) or None, tuple(exclude))
        )
        for select, exclude in cases
    ]
    recorded += [in_all_modes({"selector": name}, lambda: named(name)) for name in text["selectors"]]
    (HERE / "manifest.json").write_text(json.dumps(recorded_parts, separators=(",", ":")) + "\n")
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in recorded)
    (HERE / "selections.json").write_text(f"[\n{lines}\n]\n")


main()
