//! The blocks that dbt adds: macros that outlive their file, tests, materializations, snapshots, docs.

use std::sync::Arc;

use super::{
    super::{
        Block, BlockKind, MacroKind, Param, Value,
        tree::{ExprKind, MacroBody, ParamDef, StmtKind},
    },
    Parsed, ParsedMacro, Parser, Tok,
};

/// What a header says: the name to call it by, the kind, the parameters.
struct Header {
    name: String,
    kind: MacroKind,
    params: Vec<ParamDef>,
}

impl Parser<'_> {
    pub(super) fn macro_block(&mut self, start: usize) -> Parsed<StmtKind> {
        let body = self.definition(start, "macro", &["endmacro"], |parser| {
            let name = parser.identifier("the name of the macro")?.to_string();
            Ok(Header { name, kind: MacroKind::Macro, params: parser.signature()? })
        })?;
        Ok(StmtKind::Macro(body))
    }

    pub(super) fn dbt_block(&mut self, start: usize, tag: &str) -> Parsed<()> {
        match tag {
            "test" => {
                self.definition(start, "test", &["endtest"], |parser| {
                    let name = format!("test_{}", parser.identifier("the name of the test")?);
                    Ok(Header { name, kind: MacroKind::Test, params: parser.signature()? })
                })?;
            }
            "materialization" => {
                self.definition(start, "materialization", &["endmaterialization"], Self::materialization)?;
            }
            "snapshot" => {
                let name = self.header(start, |parser| parser.identifier("the name of the snapshot"));
                let from = self.end();
                self.block(start, "snapshot", &["endsnapshot"])?;
                self.raw_block(start, from, BlockKind::Snapshot, name)?;
            }
            _ => {
                let name = self.header(start, |parser| parser.identifier("the name of the docs block"));
                let from = self.end();
                if self.peek() == Some(Tok::Docs) {
                    self.at += 1;
                }
                self.block(start, "docs", &["enddocs"])?;
                self.raw_block(start, from, BlockKind::Docs, name)?;
            }
        }
        Ok(())
    }

    /// The text of a block as dbt keeps it: with the white space that `{%-` and `-%}` trim.
    fn with_trimmed_space(&self, start: usize, end: usize) -> &str {
        let before = self.slice(0, start).trim_end();
        let after = self.slice(end, self.text.len());
        let text = self.slice(start, end);
        // What the tag before has taken is not there for this one.
        let from = if text.starts_with("{%-") && !before.ends_with("-%}") { before.len() } else { start };
        let spaces = after.len() - after.trim_start().len();
        let to = if text.ends_with("-%}") { end + spaces } else { end };
        self.slice(from, to)
    }

    /// Ends a block whose text is kept: the end tag's name was just read, `from` is where the text starts.
    fn raw_block(&mut self, start: usize, from: usize, kind: BlockKind, name: Option<Arc<str>>) -> Parsed<()> {
        let tag = self.at.checked_sub(2).and_then(|at| self.tokens.get(at));
        let to = tag.map_or(from, |token| token.start);
        self.close(start, Tok::BlockEnd)?;
        let origin = match self.origin {
            crate::diagnostic::Origin::At { source, offset } => crate::diagnostic::Origin::At {
                source,
                offset: offset.saturating_add(u32::try_from(from).unwrap_or(u32::MAX)),
            },
            within @ crate::diagnostic::Origin::Within(_) => within,
        };
        if let Some(name) = name {
            let text = self.slice(from, to).into();
            self.blocks.push(Block { kind, name, span: self.span_from(start), text, origin });
        }
        Ok(())
    }

    /// Reads a macro-like block. At the top level it is also kept with its text and its calls.
    fn definition(
        &mut self,
        start: usize,
        tag: &'static str,
        ends: &'static [&'static str],
        header: impl FnOnce(&mut Self) -> Parsed<Header>,
    ) -> Parsed<Arc<MacroBody>> {
        let outer_uses = std::mem::take(&mut self.uses);
        let outer_calls = std::mem::take(&mut self.calls);
        let header = self.header(start, header);
        let block = self.block(start, tag, ends);
        let uses = self.restore_uses(outer_uses);
        let calls = std::mem::replace(&mut self.calls, outer_calls);
        for call in &calls {
            self.record(usize::MAX, call.clone());
        }
        let (body, _) = block?;
        self.close(start, Tok::BlockEnd)?;
        let header = header.unwrap_or(Header { name: String::new(), kind: MacroKind::Macro, params: Vec::new() });
        let name = self.intern(&header.name);
        let params = header
            .params
            .iter()
            .map(|param| Param { name: param.name.clone(), has_default: param.default.is_some() })
            .collect();
        let span = self.span_from(start);
        let body = Arc::new(MacroBody { name: name.clone(), params: header.params, body, uses, span });
        if self.waiting.is_empty() {
            let text = self.with_trimmed_space(start, self.end()).into();
            self.macros.push(ParsedMacro { name, kind: header.kind, params, body: body.clone(), text, calls });
        }
        Ok(body)
    }

    /// `name, default` or `name, adapter='x'`, with `supported_languages=[…]`.
    fn materialization(&mut self) -> Parsed<Header> {
        let name = self.identifier("the name of the materialization")?;
        let mut adapter: Arc<str> = "default".into();
        let mut languages: Vec<Arc<str>> = vec!["sql".into()];
        while self.skip_op(",") {
            let key = self.identifier("`default`, `adapter` or `supported_languages`")?;
            match &*key {
                "default" => {}
                "adapter" => {
                    self.expect_op("=")?;
                    let value = self.expression()?;
                    let ExprKind::Const(Value::Str(text)) = value.kind else {
                        return Err(self.fault("the adapter of a materialization must be a string"));
                    };
                    adapter = text;
                }
                "supported_languages" => {
                    self.expect_op("=")?;
                    let value = self.expression()?;
                    let (ExprKind::List(items) | ExprKind::Tuple(items)) = value.kind else {
                        return Err(self.fault("`supported_languages` must be a list of strings"));
                    };
                    languages.clear();
                    for item in items {
                        if let ExprKind::Const(Value::Str(text)) = item.kind {
                            languages.push(text);
                        }
                    }
                }
                _ => return Err(self.fault(format!("unknown argument '{key}' of a materialization"))),
            }
        }
        let full = format!("materialization_{name}_{adapter}");
        Ok(Header { name: full, kind: MacroKind::Materialization { adapter, languages }, params: Vec::new() })
    }
}
