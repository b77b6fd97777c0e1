//! SQL text → statements. Works on tokens, so that what sqlparser cannot read (time travel, ALTER VIEW … RENAME) and the
//! case of identifiers are mended without losing positions in the user's text.

use datafusion::{
    common::{Column, DataFusionError, SchemaError},
    sql::sqlparser::{
        ast::Statement,
        dialect::{self, GenericDialect, SnowflakeDialect},
        keywords::Keyword,
        parser::Parser,
        tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Word},
    },
};

use super::{
    Dialect,
    errors::{from_parser, near},
};
use crate::{
    engine::{EngineError, SqlPosition},
    names::quote_identifier,
};

/// Deeper nesting than this is refused.
const RECURSION_LIMIT: usize = 200;
/// Separates a table from its version in an identifier; cannot be typed.
const VERSION_MARK: &str = "\u{1}version=";
const TIMESTAMP_MARK: &str = "\u{1}timestamp=";

/// One statement with the tokens that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    pub tokens: Vec<TokenWithSpan>,
    pub statement: Statement,
    pub dialect: Dialect,
}

/// Splits a text at `;` and parses each statement.
///
/// # Errors
/// [`EngineError::Sql`] with the position of the first statement that does not parse.
pub(super) fn parse(sql: &str) -> Result<Vec<Parsed>, EngineError> {
    parse_as(sql, Dialect::Generic)
}

/// [`parse`] in the syntax of a dialect.
pub(super) fn parse_as(sql: &str, dialect: Dialect) -> Result<Vec<Parsed>, EngineError> {
    split(sql, dialect)?.into_iter().map(|tokens| parsed(tokens, dialect)).collect()
}

/// The tokens of each statement of a text.
pub(super) fn split(sql: &str, dialect: Dialect) -> Result<Vec<Vec<TokenWithSpan>>, EngineError> {
    let tokens = match dialect {
        Dialect::Generic => Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location(),
        Dialect::Snowflake => Tokenizer::new(&SnowflakeDialect {}, sql).tokenize_with_location(),
    };
    let tokens = tokens.map_err(|error| from_parser(&error.into()))?;
    let statements = tokens.split(|token| token.token == Token::SemiColon);
    let says_something = |tokens: &&[TokenWithSpan]| tokens.iter().any(|token| !is_blank(&token.token));
    Ok(statements.filter(says_something).map(<[TokenWithSpan]>::to_vec).collect())
}

/// One statement from its tokens.
pub(super) fn parsed(tokens: Vec<TokenWithSpan>, dialect: Dialect) -> Result<Parsed, EngineError> {
    let tokens = mend(tokens);
    let statement = parse_tokens(&tokens, dialect)?;
    Ok(Parsed { tokens, statement, dialect })
}

/// A statement of the dialect. What Snowflake's grammar does not have (FILTER, named windows) is read by the general one.
pub(super) fn parse_tokens(tokens: &[TokenWithSpan], dialect: Dialect) -> Result<Statement, EngineError> {
    match dialect {
        Dialect::Generic => parse_with(&GenericDialect {}, tokens),
        Dialect::Snowflake => parse_with(&SnowflakeDialect {}, tokens)
            .or_else(|error| parse_with(&GenericDialect {}, tokens).map_err(|_| error)),
    }
}

fn parse_with(dialect: &dyn dialect::Dialect, tokens: &[TokenWithSpan]) -> Result<Statement, EngineError> {
    let mut parser =
        Parser::new(dialect).with_recursion_limit(RECURSION_LIMIT).with_tokens_with_locations(tokens.to_vec());
    let statement = parser.parse_statement().map_err(|error| from_parser(&error))?;
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(statement);
    }
    Err(EngineError::Sql {
        message: near(&next.token.to_string(), "the end of the statement"),
        position: Some(start(&next.span)),
        help: None,
    })
}

fn start(span: &Span) -> SqlPosition {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
    SqlPosition { line: number(span.start.line), column: number(span.start.column) }
}

/// An error without a place.
pub(super) fn sql_error(message: impl Into<String>) -> EngineError {
    EngineError::Sql { message: message.into(), position: None, help: None }
}

fn is_blank(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_) | Token::EOF)
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// Rewrites what the parser has no grammar for.
fn mend(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let solid: Vec<usize> =
        (0..tokens.len()).filter(|at| tokens.get(*at).is_some_and(|t| !is_blank(&t.token))).collect();
    let keyword_at = |tokens: &[TokenWithSpan], index: usize| {
        solid.get(index).and_then(|at| tokens.get(*at)).and_then(|token| keyword(&token.token))
    };
    // ALTER VIEW … RENAME TO: the same as for a table.
    let is_alter_view = keyword_at(&tokens, 0) == Some(Keyword::ALTER) && keyword_at(&tokens, 1) == Some(Keyword::VIEW);
    let renames = (0..solid.len()).any(|index| {
        keyword_at(&tokens, index) == Some(Keyword::RENAME) && keyword_at(&tokens, index + 1) == Some(Keyword::TO)
    });
    if is_alter_view
        && renames
        && let Some(token) = solid.get(1).and_then(|at| tokens.get_mut(*at))
    {
        token.token = Token::make_keyword("TABLE");
    }
    mend_column_names(&mut tokens, &solid);
    mend_time_travel(&mut tokens, &solid);
    tokens
}

/// `select id, sort from t`: words that begin a clause in some database are names where a list has them. The parser would
/// take the comma before them for one too many.
fn mend_column_names(tokens: &mut [TokenWithSpan], solid: &[usize]) {
    const NAMES: [Keyword; 13] = [
        Keyword::SORT,
        Keyword::CLUSTER,
        Keyword::DISTRIBUTE,
        Keyword::VIEW,
        Keyword::TOP,
        Keyword::MINUS,
        Keyword::EXPLAIN,
        Keyword::VALUES,
        Keyword::EXCLUDE,
        Keyword::STRUCT,
        Keyword::EXISTS,
        Keyword::TRIM,
        Keyword::INTERVAL,
    ];
    let at = |tokens: &[TokenWithSpan], index: usize| solid.get(index).and_then(|at| tokens.get(*at)).cloned();
    for index in 1..solid.len() {
        let Some(found) = at(tokens, index).and_then(|token| keyword(&token.token)) else { continue };
        if !NAMES.contains(&found) {
            continue;
        }
        let in_list = at(tokens, index - 1).is_some_and(|before| match &before.token {
            Token::Comma | Token::LParen => true,
            token => matches!(keyword(token), Some(Keyword::SELECT | Keyword::DISTINCT | Keyword::BY)),
        });
        let begins_clause = at(tokens, index + 1).is_some_and(|after| match &after.token {
            Token::LParen | Token::Lt | Token::SingleQuotedString(_) | Token::Number(..) => true,
            token => matches!(keyword(token), Some(Keyword::BY | Keyword::SELECT | Keyword::WITH)),
        });
        if in_list
            && !begins_clause
            && let Some(TokenWithSpan { token: Token::Word(word), .. }) =
                solid.get(index).and_then(|at| tokens.get_mut(*at))
        {
            word.keyword = Keyword::NoKeyword;
        }
    }
}

/// `t [FOR] VERSION AS OF 3`, `t [FOR] TIMESTAMP AS OF '…'`: the version becomes part of the table's identifier.
fn mend_time_travel(tokens: &mut Vec<TokenWithSpan>, solid: &[usize]) {
    let word = |tokens: &[TokenWithSpan], index: usize, wanted: &str| {
        let token = solid.get(index).and_then(|at| tokens.get(*at)).map(|token| &token.token);
        matches!(token, Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
    };
    let mut inserts: Vec<(usize, Vec<TokenWithSpan>)> = Vec::new();
    for index in 1..solid.len() {
        let mark = if word(tokens, index, "version") {
            VERSION_MARK
        } else if word(tokens, index, "timestamp") {
            TIMESTAMP_MARK
        } else {
            continue;
        };
        if !(word(tokens, index + 1, "as") && word(tokens, index + 2, "of")) {
            continue;
        }
        let first = if word(tokens, index - 1, "for") { index - 1 } else { index };
        let mut last = index + 3;
        if word(tokens, last, "timestamp") {
            last += 1;
        }
        let value = match solid.get(last).and_then(|at| tokens.get(*at)).map(|token| &token.token) {
            Some(Token::Number(number, _)) => number.clone(),
            Some(Token::SingleQuotedString(text)) => text.clone(),
            _ => continue,
        };
        let Some(table_at) = first.checked_sub(1).and_then(|index| solid.get(index)).copied() else { continue };
        let Some(TokenWithSpan { token: Token::Word(table), span }) = tokens.get(table_at).cloned() else { continue };
        let name = if table.quote_style.is_some() { table.value.clone() } else { table.value.to_lowercase() };
        let versioned =
            Word { value: format!("{name}{mark}{value}"), quote_style: Some('"'), keyword: Keyword::NoKeyword };
        if let Some(token) = tokens.get_mut(table_at) {
            token.token = Token::Word(versioned);
        }
        for at in solid.get(first..=last).unwrap_or_default() {
            if let Some(token) = tokens.get_mut(*at) {
                token.token = Token::Whitespace(datafusion::sql::sqlparser::tokenizer::Whitespace::Space);
            }
        }
        if !has_alias(tokens, solid.get(last + 1).copied()) {
            let spaced = |token| TokenWithSpan { token, span };
            let alias = Word { quote_style: Some('"'), value: name, keyword: Keyword::NoKeyword };
            inserts.push((
                table_at + 1,
                vec![
                    spaced(Token::Whitespace(datafusion::sql::sqlparser::tokenizer::Whitespace::Space)),
                    spaced(Token::make_keyword("AS")),
                    spaced(Token::Whitespace(datafusion::sql::sqlparser::tokenizer::Whitespace::Space)),
                    spaced(Token::Word(alias)),
                ],
            ));
        }
    }
    for (at, new) in inserts.into_iter().rev() {
        tokens.splice(at..at, new);
    }
}

fn has_alias(tokens: &[TokenWithSpan], next: Option<usize>) -> bool {
    match next.and_then(|at| tokens.get(at)).map(|token| &token.token) {
        Some(Token::Word(word)) => {
            word.quote_style.is_some() || matches!(word.keyword, Keyword::AS | Keyword::NoKeyword)
        }
        _ => false,
    }
}

/// What `mend` hid in an identifier: the name, and the version or timestamp.
pub(super) fn split_version(identifier: &str) -> (&str, Option<Version<'_>>) {
    if let Some((name, version)) = identifier.split_once(VERSION_MARK) {
        return (name, Some(Version::Number(version)));
    }
    match identifier.split_once(TIMESTAMP_MARK) {
        Some((name, timestamp)) => (name, Some(Version::Timestamp(timestamp))),
        None => (identifier, None),
    }
}

pub(super) enum Version<'a> {
    Number(&'a str),
    Timestamp(&'a str),
}

/// The text of the query in `CREATE … AS query`: everything after the first AS outside of parentheses.
pub(super) fn text_after_as(tokens: &[TokenWithSpan]) -> Option<String> {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            token if depth == 0 && keyword(token) == Some(Keyword::AS) => {
                let rest = tokens.get(at + 1..)?;
                let text: String = rest.iter().map(|token| token_text(&token.token)).collect();
                return Some(text.trim().to_owned());
            }
            _ => {}
        }
    }
    None
}

/// A token as it is written. The tokenizer takes the doubling out of quotes and its `Display` does not put it back.
fn token_text(token: &Token) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match token {
        // The escapes of E'…' are resolved already.
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => quoted(text),
        Token::NationalStringLiteral(text) => format!("N{}", quoted(text)),
        Token::DoubleQuotedString(text) => quote_identifier(text),
        Token::Word(Word { value, quote_style: Some('"'), .. }) => quote_identifier(value),
        other => other.to_string(),
    }
}

/// Respells identifiers that planning did not find, where the tables have them in another case. True when anything changed.
pub(super) fn respell(tokens: &mut [TokenWithSpan], error: &DataFusionError) -> bool {
    let Some((field, valid)) = missing_field(error) else { return false };
    let mut spellings: Vec<(String, String)> = Vec::new();
    let mut add = |wanted: &str, stored: &str| {
        if wanted != stored && wanted.to_lowercase() == stored.to_lowercase() {
            spellings.push((wanted.to_lowercase(), stored.to_owned()));
        }
    };
    for column in valid {
        add(field.name(), column.name());
        if let (Some(wanted), Some(stored)) = (&field.relation, &column.relation) {
            add(wanted.table(), stored.table());
        }
    }
    let mut changed = false;
    for at in 0..tokens.len() {
        if is_type_or_function(tokens, at) {
            continue;
        }
        let Some(TokenWithSpan { token: Token::Word(word), .. }) = tokens.get_mut(at) else { continue };
        let Some((_, stored)) = spellings.iter().find(|(lower, _)| *lower == word.value.to_lowercase()) else {
            continue;
        };
        let current = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        if current != *stored {
            *word = Word { value: stored.clone(), quote_style: Some('"'), keyword: Keyword::NoKeyword };
            changed = true;
        }
    }
    changed
}

/// `name(…)`, `x::name`, `cast(x as name`: not a column.
fn is_type_or_function(tokens: &[TokenWithSpan], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return true };
    if !matches!(&token.token, Token::Word(word) if word.quote_style.is_none()) {
        return false;
    }
    let next = tokens.get(at + 1..).and_then(|rest| rest.iter().find(|token| !is_blank(&token.token)));
    if next.is_some_and(|next| matches!(next.token, Token::LParen | Token::SingleQuotedString(_))) {
        return true;
    }
    let before = tokens.get(..at).and_then(|rest| rest.iter().rev().find(|token| !is_blank(&token.token)));
    match before.map(|token| &token.token) {
        Some(Token::DoubleColon) => true,
        Some(token) if keyword(token) == Some(Keyword::AS) => {
            matches!(next.map(|next| &next.token), Some(Token::RParen))
                && keyword(&tokens[at].token) != Some(Keyword::NoKeyword)
        }
        _ => false,
    }
}

/// The field that planning did not find, and those that there are.
pub(super) fn missing_field(error: &DataFusionError) -> Option<(&Column, &[Column])> {
    match error {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => Some((field, valid_fields)),
            _ => None,
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => missing_field(inner),
        DataFusionError::Shared(inner) => missing_field(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(missing_field),
        _ => None,
    }
}
