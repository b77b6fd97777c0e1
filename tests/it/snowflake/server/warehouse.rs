//! Statements: what they answer, and what they leave behind. Rows are counted, not computed.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
    ipc::writer::StreamWriter,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::Regex;
use serde_json::{Value, json};

use super::{
    State, failure,
    http::{Reply, Request},
    running,
};

/// In which form rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Arrow,
}

/// A result of two columns, a number and a text, in parts.
#[derive(Debug, Clone, Copy)]
pub struct Large {
    pub rows: usize,
    /// Rows in the answer itself.
    pub inline: usize,
    /// Rows in each part.
    pub part: usize,
    pub format: Format,
}

static CREATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?is)^\s*create\s+(?:or\s+replace\s+)?(?:transient\s+|temporary\s+|temp\s+|secure\s+)*(table|view|schema|dynamic\s+table)\s+(?:if\s+not\s+exists\s+)?([\w.$\x22]+)").unwrap()
});
static DROP: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?is)^\s*drop\s+(table|view|schema)\s+(?:if\s+exists\s+)?([\w.$\x22]+)").unwrap());
static COMMENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)/\*.*?\*/|--[^\n]*").unwrap());

impl State {
    /// Runs a statement, unless its request was here before.
    pub fn query(&mut self, request: &Request, port: u16) -> Value {
        let id = request.id();
        if let Some(answer) = self.answers.get(&id) {
            return answer.clone();
        }
        let sent = request.json()["sqlText"].as_str().unwrap_or_default().to_owned();
        let sql = COMMENT.replace_all(&sent, "").trim().to_owned();
        let query = format!("query-{}", self.next());
        self.queries.insert(id.clone(), query.clone());
        self.ran.push(sql.clone());
        let answer = self.run(&sent, &sql, &query, port);
        self.answers.insert(id, answer.clone());
        answer
    }

    fn run(&mut self, sent: &str, sql: &str, query: &str, port: u16) -> Value {
        let lower = sql.to_lowercase();
        if lower.contains("system$wait") {
            self.results.insert(query.to_owned(), (Value::Null, usize::MAX));
            return running(query, "333334");
        }
        if let Some(rest) = sql.split("file://").nth(1).filter(|_| lower.starts_with("put")) {
            let source = rest.split(['\'', ' ']).next().unwrap_or_default();
            let name = source.rsplit('/').next().unwrap_or_default();
            let url = format!("http://127.0.0.1:{port}/stage/{name}");
            return json!({"success": true, "data": {
                "queryId": query, "command": "UPLOAD", "src_locations": [source], "parallel": null, "overwrite": false,
                "autoCompress": !lower.contains("auto_compress=false"), "sourceCompression": "auto_detect",
                "stageInfo": {"locationType": "GCS", "location": "box/", "creds": {}, "presignedUrl": url},
            }});
        }
        if lower.contains("slow_function") {
            let message = "Statement reached its statement or warehouse timeout of 5 second(s) and was canceled.";
            return failure("000630", message, json!({"queryId": query, "sqlState": "57014"}));
        }
        if lower.contains("no_such_column") {
            let at = sent.find("no_such_column").unwrap_or(0);
            let (line, column) =
                (sent[..at].matches('\n').count() + 1, at - sent[..at].rfind('\n').map_or(0, |end| end + 1));
            let message = format!(
                "SQL compilation error: error line {line} at position {column}\ninvalid identifier 'NO_SUCH_COLUMN'"
            );
            return failure("000904", &message, json!({"queryId": query, "sqlState": "42000", "errorCode": "000904"}));
        }
        if let Some(large) = lower.strip_prefix("select * from ").and_then(|name| self.large.get(name)).copied() {
            return self.large(large, query, port);
        }
        let words = lower.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((_, columns, found)) = self.told.iter().find(|(begin, ..)| words.starts_with(begin)) {
            let mut answer = rows(query, columns, found.iter().map(|row| row.to_vec()).collect());
            for (at, name) in columns.iter().enumerate() {
                answer["data"]["rowtype"][at]["name"] = (*name).into();
            }
            return answer;
        }
        if lower.starts_with("show") {
            return self.show(&lower, query);
        }
        if let Some(found) = CREATE.captures(sql) {
            let (kind, name) = (found[1].to_uppercase(), plain(&found[2]));
            if kind == "SCHEMA" {
                self.schemas.push(name.rsplit('.').next().unwrap().to_owned());
            } else {
                self.objects.insert(name, if kind == "VIEW" { kind } else { "TABLE".into() });
            }
        } else if let Some(found) = DROP.captures(sql) {
            self.objects.remove(&plain(&found[2]));
        } else if lower.starts_with("select") && lower.contains("should_error") {
            return rows(query, &["failures", "should_warn", "should_error"], vec![vec!["0", "false", "false"]]);
        } else if lower.starts_with("select current_version") {
            return rows(query, &["v"], vec![vec!["9.1"]]);
        }
        rows(query, &["status"], vec![vec!["Statement executed successfully."]])
    }

    fn show(&self, lower: &str, query: &str) -> Value {
        if lower.contains("schemas") {
            let found = self.schemas.iter().map(|name| vec!["2026-01-01", name, "SHOP"]).collect();
            return rows(query, &["created_on", "name", "database_name"], found);
        }
        let mut found = Vec::new();
        for (name, kind) in &self.objects {
            let parts: Vec<&str> = name.split('.').collect();
            let [database, schema, name] = parts[..] else { continue };
            if lower.contains(&format!("{database}.{schema}").to_lowercase()) {
                found.push(vec!["2026-01-01", name, database, schema, kind]);
            }
        }
        rows(query, &["created_on", "name", "database_name", "schema_name", "kind"], found)
    }

    fn large(&self, large: Large, query: &str, port: u16) -> Value {
        let numbers = json!([
            {"name": "N", "type": "fixed", "precision": 18, "scale": 0, "nullable": false},
            {"name": "T", "type": "text", "nullable": true},
        ]);
        let parts = (large.rows - large.inline).div_ceil(large.part);
        let chunks: Vec<Value> = (0..parts)
            .map(|at| {
                let first = large.inline + at * large.part;
                let count = large.part.min(large.rows - first);
                let form = if large.format == Format::Arrow { "arrow" } else { "json" };
                let url = format!("http://127.0.0.1:{port}/part/{form}/{first}/{count}?round={}", self.round);
                json!({"url": url, "rowCount": count, "uncompressedSize": count * 10, "compressedSize": count})
            })
            .collect();
        let mut data = json!({
            "queryId": query, "rowtype": numbers, "total": large.rows, "returned": large.rows, "sqlState": "00000",
            "chunks": chunks, "chunkHeaders": {"x-part-key": "key-1"}, "statementTypeId": 4096,
        });
        match large.format {
            Format::Json => {
                data["rowset"] = (0..large.inline).map(|n| json!([n.to_string(), format!("t{n}")])).collect();
                data["queryResultFormat"] = "json".into();
            }
            Format::Arrow => {
                let stream = if large.inline > 0 { STANDARD.encode(stream(0, large.inline)) } else { String::new() };
                data["rowsetBase64"] = stream.into();
                data["queryResultFormat"] = "arrow".into();
            }
        }
        let answer = json!({"success": true, "code": null, "message": null, "data": data});
        answer
    }

    /// A result by its query: whether it is there yet, and with fresh addresses of its parts.
    pub fn result(&mut self, query: &str, port: u16) -> Value {
        match self.results.get_mut(query) {
            Some((answer, 0)) => answer.clone(),
            Some((_, left)) => {
                *left = left.saturating_sub(1);
                if *left > 1_000_000 {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                running(query, "333333")
            }
            None => match self.large.values().next().copied() {
                Some(large) => self.large(large, query, port),
                None => failure("000709", "Statement not found.", Value::Null),
            },
        }
    }

    pub fn part(&mut self, request: &Request) -> Reply {
        let parts: Vec<&str> = request.path.split('/').collect();
        let [_, _, form, first, count] = parts[..] else { return Reply::status(404) };
        let is_fresh = request.query.get("round").map(String::as_str) == Some(self.round.to_string().as_str());
        // A session token has no business at a store of files.
        if !is_fresh || request.header("x-part-key") != "key-1" || !request.header("authorization").is_empty() {
            return Reply::status(403);
        }
        let (first, count): (usize, usize) = (first.parse().unwrap(), count.parse().unwrap());
        if form == "arrow" {
            return Reply::packed(&stream(first, count));
        }
        let rows: Vec<String> = (first..first + count).map(|n| format!("[\"{n}\",\"t{n}\"]")).collect();
        Reply::packed(rows.join(",").as_bytes())
    }

    pub fn abort(&mut self, request: &Request) -> Reply {
        let id = request.json()["requestId"].as_str().unwrap_or_default().to_owned();
        if let Some(query) = self.queries.get(&id).cloned() {
            let data = json!({"queryId": query, "sqlState": "57014"});
            self.results.insert(query, (failure("000604", "SQL execution canceled", data), 0));
        }
        self.aborted.push(id);
        Reply::json(json!({"success": true, "data": null}))
    }
}

/// A name as it is stored.
fn plain(name: &str) -> String {
    let part = |part: &str| match part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => part.to_uppercase(),
    };
    name.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn rows(query: &str, columns: &[&str], rows: Vec<Vec<&str>>) -> Value {
    let rowtype: Vec<Value> = columns
        .iter()
        .map(|name| {
            let kind = if name.starts_with("should_") {
                "boolean"
            } else if *name == "failures" {
                "fixed"
            } else {
                "text"
            };
            json!({"name": name.to_uppercase(), "type": kind, "precision": 18, "scale": 0, "nullable": true})
        })
        .collect();
    let total = rows.len();
    json!({"success": true, "code": null, "message": null, "data": {
        "queryId": query, "rowtype": rowtype, "rowset": rows, "total": total, "returned": total, "sqlState": "00000",
        "queryResultFormat": "json", "statementTypeId": 4096, "finalDatabaseName": "SHOP",
    }})
}

/// Rows `first` to `first + count` as a stream of Arrow IPC.
fn stream(first: usize, count: usize) -> Vec<u8> {
    let schema =
        Arc::new(Schema::new(vec![Field::new("N", DataType::Int64, false), Field::new("T", DataType::Utf8, true)]));
    let numbers = Int64Array::from_iter_values((first..first + count).map(|n| i64::try_from(n).unwrap()));
    let texts = StringArray::from_iter_values((first..first + count).map(|n| format!("t{n}")));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}
