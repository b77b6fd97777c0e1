//! The answers of the protocol, read leniently: servers leave out what they have nothing to say of.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::put::Plan;

/// What surrounds every answer.
#[derive(Debug, Deserialize)]
pub struct Answer {
    #[serde(default)]
    pub success: bool,
    #[serde(default)]
    pub code: Option<Json>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub data: Json,
}

impl Answer {
    /// The code as text; servers write numbers as well.
    pub fn code(&self) -> String {
        match &self.code {
            Some(Json::String(code)) => code.clone(),
            Some(Json::Number(code)) => format!("{code:0>6}"),
            _ => String::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginData {
    pub token: String,
    #[serde(default)]
    pub master_token: Option<String>,
    #[serde(default)]
    pub session_id: Json,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewData {
    pub session_token: String,
    #[serde(default)]
    pub master_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryData {
    /// `UPLOAD`, of PUT; `DOWNLOAD`, of GET.
    pub command: Option<String>,
    /// What to do for it.
    #[serde(skip)]
    pub plan: Option<Plan>,
    pub query_id: Option<String>,
    pub sql_state: Option<String>,
    /// The columns of the result.
    pub rowtype: Vec<RowType>,
    /// Rows as lists of texts.
    pub rowset: Option<Vec<Vec<Option<String>>>>,
    /// Rows as a stream of Arrow IPC.
    pub rowset_base64: Option<String>,
    pub total: Option<u64>,
    pub statement_type_id: Option<u64>,
    pub stats: Option<Stats>,
    pub chunks: Vec<Chunk>,
    pub chunk_headers: HashMap<String, String>,
    pub qrmk: Option<String>,
    pub get_result_url: Option<String>,
    /// Ids of the results of several statements, comma-separated.
    pub result_ids: Option<String>,
    /// Of an error: where in the text.
    pub line: Option<i64>,
    pub pos: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowType {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub scale: Option<i64>,
    #[serde(default)]
    pub precision: Option<i64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    #[serde(default)]
    pub num_rows_inserted: Option<u64>,
    #[serde(default)]
    pub num_rows_deleted: Option<u64>,
    #[serde(default)]
    pub num_rows_updated: Option<u64>,
    #[serde(default)]
    pub num_dml_duplicates: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Chunk {
    pub url: String,
}
