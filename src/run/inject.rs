//! Puts the SQL of ephemeral parents into a query as common table expressions, and keeps the map of where each byte came
//! from. Text in, text out; knows no node.

use crate::jinja::{Rendered, SpanMap};

/// An ephemeral parent: its alias, and its own body without injected expressions.
#[derive(Debug, Clone)]
pub struct Cte {
    pub alias: String,
    pub body: Rendered,
}

/// The name under which an ephemeral model is injected. Source: dbt (`materializations.md` §2).
pub fn cte_name(alias: &str) -> String {
    format!("__dbt__cte__{alias}")
}

/// The text of one expression as dbt writes it, for `extra_ctes` of artifacts.
pub fn cte_sql(cte: &Cte) -> String {
    format!(" {} as (\n{}\n)", cte_name(&cte.alias), cte.body.text)
}

/// `query` with the expressions in front: after a leading `with [recursive]`, else in a `with` of their own before the
/// first token (comments included).
pub fn inject(query: Rendered, ctes: &[Cte]) -> Rendered {
    if ctes.is_empty() {
        return query;
    }
    let (at, has_with) = insertion_point(&query.text);
    let mut result = Rendered::default();
    result.text.push_str(query.text.get(..at).unwrap_or_default());
    result.map.pieces.extend(query.map.pieces.iter().take_while(|piece| piece.start < at).cloned());
    if !has_with {
        result.text.push_str("with");
    }
    for (index, cte) in ctes.iter().enumerate() {
        if index > 0 {
            result.text.push_str(", ");
        }
        result.text.push_str(&format!(" {} as (\n", cte_name(&cte.alias)));
        append(&mut result, &cte.body.text, &cte.body.map);
        result.text.push_str("\n)");
    }
    result.text.push_str(if has_with { ", " } else { " " });
    append(&mut result, query.text.get(at..).unwrap_or_default(), &query.map.skip(at));
    result
}

fn append(result: &mut Rendered, text: &str, map: &SpanMap) {
    let offset = result.text.len();
    result.map.append(offset, map);
    result.text.push_str(text);
}

/// Where expressions go, and whether a `with` stands before that place.
fn insertion_point(sql: &str) -> (usize, bool) {
    let first = skip_space(sql, 0);
    let token = skip_comments(sql, first);
    let Some(after_with) = keyword(sql, token, "with") else { return (first, false) };
    let next = skip_comments(sql, after_with);
    (keyword(sql, next, "recursive").unwrap_or(after_with), true)
}

fn skip_space(sql: &str, from: usize) -> usize {
    let rest = sql.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_start().len())
}

/// The offset of the first token at or after `from`: past white space and comments.
fn skip_comments(sql: &str, from: usize) -> usize {
    let mut at = skip_space(sql, from);
    loop {
        let rest = sql.get(at..).unwrap_or_default();
        let length = if rest.starts_with("--") {
            rest.find('\n').map_or(rest.len(), |end| end + 1)
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            return at;
        };
        at = skip_space(sql, at + length);
    }
}

/// The offset after `word` when it stands at `at` as a whole word.
fn keyword(sql: &str, at: usize, word: &str) -> Option<usize> {
    let end = at + word.len();
    let found = sql.get(at..end)?.eq_ignore_ascii_case(word);
    let ends = sql.get(end..)?.chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_');
    (found && ends).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnostic::{SourceId, Span},
        jinja::Piece,
    };

    fn rendered(text: &str, source: u32) -> Rendered {
        let span = Span::new(SourceId(source), 0, text.len());
        let piece = Piece { start: 0, span, exact: true, macro_name: None };
        Rendered { text: text.to_owned(), map: SpanMap { pieces: vec![piece] } }
    }

    #[test]
    fn expressions_join_an_existing_with_or_make_one() {
        let one = [Cte { alias: "e".into(), body: rendered("select 1", 1) }];
        for (query, expected) in [
            ("select * from x", "with __dbt__cte__e as (\nselect 1\n) select * from x"),
            ("\n\nselect 2", "\n\nwith __dbt__cte__e as (\nselect 1\n) select 2"),
            ("-- note\nselect 2", "with __dbt__cte__e as (\nselect 1\n) -- note\nselect 2"),
            ("with a as (select 2) select 3", "with __dbt__cte__e as (\nselect 1\n),  a as (select 2) select 3"),
            ("/* x */ WITH RECURSIVE a as (q)", "/* x */ WITH RECURSIVE __dbt__cte__e as (\nselect 1\n),  a as (q)"),
            ("without", "with __dbt__cte__e as (\nselect 1\n) without"),
        ] {
            assert_eq!(inject(rendered(query, 0), &one).text, expected);
        }
    }

    #[test]
    fn each_byte_keeps_its_origin() {
        let one = [Cte { alias: "e".into(), body: rendered("select 1", 1) }];
        let result = inject(rendered("with a as (select 2) select bad", 0), &one);
        let at = |word: &str| result.map.lookup(result.text.find(word).unwrap()).unwrap();
        assert_eq!((at("bad").source, at("bad").start), (SourceId(0), 28));
        assert_eq!((at("select 1").source, at("select 1").start), (SourceId(1), 0));
    }

    #[test]
    fn several_expressions_are_separated_by_commas() {
        let cte = |alias: &str| Cte { alias: alias.into(), body: rendered("q", 1) };
        let text = inject(rendered("select 1", 0), &[cte("a"), cte("b")]).text;
        assert_eq!(text, "with __dbt__cte__a as (\nq\n),  __dbt__cte__b as (\nq\n) select 1");
    }
}
