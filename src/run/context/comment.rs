//! The comment that every statement carries to the engine: `query-comment` of the project.

use std::sync::Arc;

use crate::{
    artifacts::{node_dict, source_dict},
    diagnostic::{Diagnostic, Origin, SourceId, Span},
    engine::{EngineError, split},
    jinja::{JinjaError, Template, Value, to_python_json},
    project,
};

use super::node::{NodeContext, NodeInput, NodeState, Subject};

/// What is put beside each statement.
#[derive(Debug, Clone)]
pub struct QueryComment {
    /// `None`: who sent it, as JSON.
    template: Option<Template>,
    append: bool,
}

impl QueryComment {
    /// Of what `dbt_project.yml` says; `None` when it says that there is none. `behind`: where the comment stands by default.
    ///
    /// # Errors
    /// A text that does not parse.
    pub fn new(written: &project::QueryComment, behind: bool) -> Result<Option<Self>, Vec<Diagnostic>> {
        match written {
            project::QueryComment::Off => Ok(None),
            project::QueryComment::Default => Ok(Some(Self { template: None, append: behind })),
            project::QueryComment::Custom { comment, origin, append, .. } => {
                let origin = origin.unwrap_or(Origin::Within(Span::new(SourceId(u32::MAX), 0, 0)));
                let template = comment.as_ref().map(|text| Template::parse(text, origin)).transpose()?;
                Ok(Some(Self { template, append: append.unwrap_or(behind) }))
            }
        }
    }
}

/// A statement as it is sent, and how many lines stand before its text.
pub(super) struct Sent {
    pub sql: Arc<str>,
    lines_before: usize,
}

impl Sent {
    /// An error of the engine with its position in the statement's own text.
    pub fn own_position(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::Sql { message, position: Some(mut position), help } => {
                position.line = position.line.saturating_sub(self.lines_before).max(1);
                EngineError::Sql { message, position: Some(position), help }
            }
            other => other,
        }
    }
}

impl NodeState {
    /// The statement with its comment.
    ///
    /// # Errors
    /// A comment that does not render, or that would end itself.
    pub(super) fn with_comment(&self, sql: &Arc<str>) -> Result<Sent, JinjaError> {
        let plain = || Sent { sql: Arc::clone(sql), lines_before: 0 };
        let Some(append) = self.run.comment.as_ref().map(|comment| comment.append) else { return Ok(plain()) };
        let text = self.comment_text()?;
        if text.is_empty() || sql.trim().is_empty() {
            return Ok(plain());
        }
        Ok(if append && self.run.engine.capabilities().one_statement_per_request {
            Sent { sql: behind_each(sql, &format!("/* {text} */")).into(), lines_before: 0 }
        } else if append {
            let statement = sql.trim_end();
            let (statement, end) = statement.strip_suffix(';').map_or((statement, ""), |statement| (statement, ";"));
            Sent { sql: format!("{statement}\n/* {text} */{end}").into(), lines_before: 0 }
        } else {
            Sent { sql: format!("/* {text} */\n{sql}").into(), lines_before: text.matches('\n').count() + 1 }
        })
    }

    /// The comment of statements that the engine itself makes for this node.
    pub(super) fn comment_of_own(&self) -> Result<Option<String>, JinjaError> {
        if self.run.comment.is_none() || !self.run.engine.capabilities().one_statement_per_request {
            return Ok(None);
        }
        Ok(Some(self.comment_text()?).filter(|text| !text.is_empty()).map(|text| format!("/* {text} */")))
    }

    fn comment_text(&self) -> Result<Arc<str>, JinjaError> {
        if let Some(text) = self.comment.get() {
            return Ok(Arc::clone(text));
        }
        let text = self.query_comment()?;
        Ok(Arc::clone(self.comment.get_or_init(|| text)))
    }

    fn query_comment(&self) -> Result<Arc<str>, JinjaError> {
        let Some(comment) = &self.run.comment else { return Ok("".into()) };
        let text = match &comment.template {
            Some(template) => self.rendered_comment(template)?,
            None => self.default_comment()?,
        };
        if text.contains("*/") {
            return Err(JinjaError::raised(format!("the query comment `{text}` contains `*/`, which would end it")));
        }
        Ok(text.trim().into())
    }

    fn rendered_comment(&self, template: &Template) -> Result<String, JinjaError> {
        let input = NodeInput {
            subject: self.subject.clone(),
            thread: Arc::clone(&self.thread),
            batch: self.batch.clone(),
            writer: None,
        };
        let context = NodeContext::without_comment(Arc::clone(&self.run), input);
        let node = match &self.subject {
            Subject::Node(node) => Value::from_json(&node_dict(node)),
            Subject::Source(source) => Value::from_json(&source_dict(source)),
            Subject::Macro { .. } => Value::None,
        };
        context.set("node", node);
        context.set("connection_name", self.connection_name().into());
        // dbt makes a macro of it, so that `return` may be called.
        Ok(context.interp().render_body(template)?.to_str())
    }

    fn default_comment(&self) -> Result<String, JinjaError> {
        let shared = &self.run.scopes.shared;
        let of_target = |key: &str| shared.target.get(key).map(|value| value.to_str()).unwrap_or_default();
        let mut pairs = vec![
            ("app", "dbt".to_owned()),
            ("dbt_version", shared.dbt_version.to_string()),
            ("profile_name", of_target("profile_name")),
            ("target_name", of_target("target_name")),
        ];
        pairs.push(match self.subject.unique_id() {
            Some(id) => ("node_id", id.to_string()),
            None => ("connection_name", self.connection_name()),
        });
        to_python_json(&Value::dict(pairs.into_iter().map(|(key, value)| (key, Value::from(value)))), false)
    }
}

/// The text with the comment behind each of its statements, in the same line, so that places in the text stay what they are.
fn behind_each(sql: &str, comment: &str) -> String {
    let mut text = String::with_capacity(sql.len() + comment.len());
    let mut at = 0;
    for statement in split::statements(sql) {
        // A statement is a part of the text.
        let end = (statement.as_ptr() as usize).saturating_sub(sql.as_ptr() as usize) + statement.len();
        text.push_str(sql.get(at..end).unwrap_or_default());
        let last_line = statement.rsplit('\n').next().unwrap_or_default();
        text.push(if last_line.contains("--") || last_line.contains("//") { '\n' } else { ' ' });
        text.push_str(comment);
        at = end;
    }
    text.push_str(sql.get(at..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_that_is_sent_on_its_own_carries_the_comment() {
        for (sql, expected) in [
            ("select 1", "select 1 /*c*/"),
            (
                "begin;\ninsert into a select ';';\ncommit;",
                "begin /*c*/;\ninsert into a select ';' /*c*/;\ncommit /*c*/;",
            ),
            ("select 1 -- one\n;", "select 1 -- one\n/*c*/\n;"),
        ] {
            assert_eq!(behind_each(sql, "/*c*/"), expected, "{sql}");
        }
    }
}
