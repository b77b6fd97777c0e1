//! Manifest and catalog → one HTML page: what it shows is in it as JSON, and nothing is loaded from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::{
    artifacts::{Catalog, CatalogTable, to_json},
    graph::{Dag, Member},
    manifest::{ColumnInfo, Manifest, Node, NodeKind},
    names::{ResourceType, UniqueId},
};

const PAGE: &str = include_str!("page.html");

/// Where [`PAGE`] has its data.
const DATA: &str = "\"__DATA__\"";

/// The page of a project; `compiled` code is shown where the manifest has it. `mask` is applied to every text.
pub fn page(project: &str, manifest: &Manifest, catalog: &Catalog, mask: impl Fn(Json) -> Json) -> String {
    let dag = Dag::new(manifest);
    let shown = |member: &Member<'_>| match member {
        Member::Node(node) => node.docs.show && !matches!(node.kind, NodeKind::Operation { .. }),
        Member::Source(_) | Member::Exposure(_) => true,
    };
    let tests = tests_by_column(manifest);
    let resources: Map<String, Json> = Member::all(manifest)
        .filter(shown)
        .map(|member| {
            let id = member.unique_id();
            let table = catalog.nodes.get(id.as_str()).or_else(|| catalog.sources.get(id.as_str()));
            (id.to_string(), resource(member, &dag, table, &tests))
        })
        .collect();
    let overview = manifest.docs.values().find(|doc| doc.name == "__overview__" && doc.package_name == project);
    let data = json!({
        "project": project,
        "overview": overview.map(|doc| doc.block_contents.as_str()),
        "resources": resources,
    });
    // A text with `</script>` or `<!--` must not end the element that holds it.
    let text = mask(data).to_string().replace('<', "\\u003c");
    PAGE.replace("__TITLE__", &escaped(project)).replace(DATA, &text)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The data tests of each resource and column: `(id, column)` → names of tests.
type Tests<'a> = BTreeMap<(&'a UniqueId, Option<&'a str>), Vec<&'a UniqueId>>;

fn tests_by_column(manifest: &Manifest) -> Tests<'_> {
    let mut tests = Tests::new();
    for node in manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Test) {
        let (column, attached) = match &node.kind {
            NodeKind::GenericTest(fields) => (fields.column_name.as_deref(), fields.attached_node.as_ref()),
            _ => (None, None),
        };
        for tested in &node.depends_on.nodes {
            let column = column.filter(|_| attached.is_none_or(|attached| attached == tested));
            tests.entry((tested, column)).or_default().push(&node.unique_id);
        }
    }
    tests
}

fn resource(member: Member<'_>, dag: &Dag, table: Option<&CatalogTable>, tests: &Tests<'_>) -> Json {
    let id = member.unique_id();
    let is_test = |id: &&UniqueId| id.as_str().starts_with("test.");
    let mut out = json!({
        "type": member.resource_type().as_str(),
        "name": member.search_name(),
        "package": member.package_name(),
        "path": member.original_file_path(),
        "tags": member.tags(),
        "parents": dag.parents(id).map(UniqueId::as_str).collect::<Vec<_>>(),
        "children": dag.children(id).filter(|id| !is_test(id)).map(UniqueId::as_str).collect::<Vec<_>>(),
        "tests": tests.get(&(id, None)).into_iter().flatten().map(|id| id.as_str()).collect::<Vec<_>>(),
    });
    let columns: Option<&indexmap::IndexMap<String, ColumnInfo>> = match member {
        Member::Node(node) => Some(&node.columns),
        Member::Source(source) => Some(&source.columns),
        Member::Exposure(_) => None,
    };
    let own = match member {
        Member::Node(node) => node_fields(node),
        Member::Source(source) => json!({
            "description": source.description,
            "relation": source.relation_name,
            "loader": source.loader,
            "source": {"name": source.source_name, "description": source.source_description},
        }),
        Member::Exposure(exposure) => json!({
            "description": exposure.description,
            "kind": exposure.exposure_type,
            "url": exposure.url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://")),
            "owner": exposure.owner.iter().map(|(key, value)| (key.clone(), to_json(value))).collect::<Map<_, _>>(),
            "maturity": exposure.maturity,
        }),
    };
    if let (Json::Object(out), Json::Object(own)) = (&mut out, own) {
        out.extend(own);
        if let Some(columns) = columns {
            out.insert("columns".to_owned(), columns_of(id, columns, table, tests));
        }
        if let Some(table) = table {
            let stats = table.stats.values().filter(|stat| stat.include);
            let pairs: Vec<Json> = stats.map(|stat| json!([stat.label, stat.value])).collect();
            out.insert("stats".to_owned(), pairs.into());
        }
    }
    out
}

fn node_fields(node: &Node) -> Json {
    let test = match &node.kind {
        NodeKind::GenericTest(fields) => Some(fields.test_name.as_str()),
        _ => None,
    };
    let access = match &node.kind {
        NodeKind::Model(fields) if fields.access != "protected" => Some(fields.access.as_str()),
        _ => None,
    };
    json!({
        "description": node.description,
        "materialized": node.config.materialized(),
        "relation": node.relation_name,
        "group": node.group,
        "access": access,
        "test": test,
        "code": node.raw_code,
        "compiled": node.compiled.as_ref().map(|compiled| compiled.code.as_str()),
    })
}

/// The declared columns with their types in the warehouse, then those that only the warehouse has.
fn columns_of(
    id: &UniqueId,
    declared: &indexmap::IndexMap<String, ColumnInfo>,
    table: Option<&CatalogTable>,
    tests: &Tests<'_>,
) -> Json {
    let stored = |name: &str| table?.columns.values().find(|column| column.name.eq_ignore_ascii_case(name));
    let tests_of = |name: &str| {
        let found = tests.get(&(id, Some(name))).cloned().unwrap_or_default();
        found.into_iter().map(UniqueId::as_str).collect::<Vec<_>>()
    };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut columns: Vec<Json> = Vec::new();
    for column in declared.values() {
        seen.insert(column.name.to_lowercase());
        let found = stored(&column.name);
        let data_type = found.map(|found| found.data_type.as_str()).or(column.data_type.as_deref());
        columns.push(json!({
            "name": column.name, "type": data_type, "description": column.description, "tests": tests_of(&column.name),
            "tags": column.tags,
        }));
    }
    for column in table.into_iter().flat_map(|table| table.columns.values()) {
        if seen.insert(column.name.to_lowercase()) {
            columns.push(json!({
                "name": column.name, "type": column.data_type, "description": column.comment, "tests": [], "tags": [],
            }));
        }
    }
    columns.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::recorded::recorded_manifest;

    fn shown() -> String {
        page("shop", &recorded_manifest(), &Catalog::default(), |data| data)
    }

    fn data(page: &str) -> Json {
        let start = page.find("type=\"application/json\">").unwrap() + "type=\"application/json\">".len();
        let end = page[start..].find("</script>").unwrap();
        serde_json::from_str(&page[start..start + end]).unwrap()
    }

    #[test]
    fn a_page_holds_every_resource_with_its_neighbours() {
        let data = data(&shown());
        let orders = &data["resources"]["model.shop.orders"];
        assert_eq!((orders["type"].as_str(), orders["name"].as_str()), (Some("model"), Some("orders")));
        let manifest = recorded_manifest();
        let parents: Vec<&str> =
            manifest.nodes["model.shop.orders"].depends_on.nodes.iter().map(UniqueId::as_str).collect();
        for parent in parents {
            assert!(orders["parents"].as_array().unwrap().contains(&parent.into()), "{parent}");
            assert!(data["resources"][parent]["children"].as_array().unwrap().contains(&"model.shop.orders".into()));
        }
        assert!(data["resources"].as_object().unwrap().keys().any(|id| id.starts_with("exposure.")));
        assert!(data["resources"].as_object().unwrap().keys().any(|id| id.starts_with("source.")));
        assert!(!data["resources"].as_object().unwrap().keys().any(|id| id.starts_with("operation.")));
    }

    #[test]
    fn a_page_loads_nothing_and_no_text_of_the_project_ends_its_script() {
        let mut manifest = recorded_manifest();
        manifest.nodes.get_mut("model.shop.orders").unwrap().description = "</script><script>alert(1)</script>".into();
        let page = page("<shop>", &manifest, &Catalog::default(), |data| data);
        assert!(!page.contains("<script>alert(1)"), "{page}");
        assert!(page.contains("<title>&lt;shop&gt;"));
        assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "the page points elsewhere");
        let description = data(&page)["resources"]["model.shop.orders"]["description"].clone();
        assert_eq!(description, "</script><script>alert(1)</script>");
    }
}
