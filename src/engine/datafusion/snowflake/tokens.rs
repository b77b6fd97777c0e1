//! What is changed in the tokens of a statement before it is parsed: quoted names cross the border of the dialect, and
//! clauses without a local meaning go.

use datafusion::sql::sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Whitespace, Word},
};

use super::names::swapped;

/// A statement's tokens without white space and comments, by their places in the whole.
pub struct Solid<'a> {
    tokens: &'a [TokenWithSpan],
    places: Vec<usize>,
}

impl<'a> Solid<'a> {
    pub fn new(tokens: &'a [TokenWithSpan]) -> Self {
        let is_solid =
            |at: &usize| tokens.get(*at).is_some_and(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
        Self { tokens, places: (0..tokens.len()).filter(is_solid).collect() }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn place(&self, at: usize) -> Option<usize> {
        self.places.get(at).copied()
    }

    pub fn token(&self, at: usize) -> Option<&'a Token> {
        self.tokens.get(self.place(at)?).map(|token| &token.token)
    }

    /// An unquoted word in upper case, or nothing.
    pub fn word(&self, at: usize) -> String {
        match self.token(at) {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_uppercase(),
            _ => String::new(),
        }
    }

    /// Whether the words stand there one after the other.
    pub fn says(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.word(at + offset) == *word)
    }

    /// A text literal.
    pub fn text(&self, at: usize) -> Option<String> {
        match self.token(at) {
            Some(Token::SingleQuotedString(text)) => Some(text.clone()),
            Some(Token::DollarQuotedString(text)) => Some(text.value.clone()),
            _ => None,
        }
    }

    /// The dotted name that begins there as the lakehouse knows it, and where it ends.
    pub fn name(&self, mut at: usize) -> (Vec<String>, usize) {
        let mut parts = Vec::new();
        while let Some(Token::Word(word)) = self.token(at) {
            parts.push(if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() });
            at += 1;
            if !matches!(self.token(at), Some(Token::Period)) {
                break;
            }
            at += 1;
        }
        (parts, at)
    }
}

/// Quoted names as the lakehouse has them. Parts of a path into a variant (`v:"a"."b"`) are keys, not names.
pub fn swap_names(tokens: &mut [TokenWithSpan]) {
    let mut in_path = false;
    let mut before: Option<Token> = None;
    for token in tokens.iter_mut() {
        if matches!(token.token, Token::Whitespace(_) | Token::EOF) {
            continue;
        }
        in_path = match (&before, &token.token) {
            (_, Token::Colon) => true,
            (Some(Token::Colon | Token::Period), Token::Word(_) | Token::SingleQuotedString(_)) => in_path,
            (Some(Token::Word(_) | Token::RBracket), Token::Period | Token::LBracket) => in_path,
            (_, Token::Number(..) | Token::SingleQuotedString(_) | Token::RBracket) => in_path,
            _ => false,
        };
        if let Token::Word(word) = &mut token.token
            && word.quote_style == Some('"')
            && !in_path
        {
            word.value = swapped(&word.value);
        }
        before = Some(token.token.clone());
    }
}

/// `$$…$$` as a text literal, but for the bodies of functions.
pub fn plain_texts(tokens: &mut [TokenWithSpan]) {
    let solid = Solid::new(tokens);
    if solid.word(0) == "CREATE" && (1..5).any(|at| solid.word(at) == "FUNCTION") {
        return;
    }
    for token in tokens {
        if let Token::DollarQuotedString(text) = &mut token.token {
            token.token = Token::SingleQuotedString(std::mem::take(&mut text.value));
        }
    }
}

/// Takes out what has no meaning here and what the parser would not read: kinds of tables, COPY GRANTS, CLUSTER BY, options
/// of dynamic and Iceberg tables, policies and tags. Returns what was taken, as it was written.
pub fn take_clauses(tokens: &mut [TokenWithSpan]) -> Vec<String> {
    let solid = Solid::new(tokens);
    if !matches!(solid.word(0).as_str(), "CREATE" | "ALTER" | "COMMENT" | "DROP") {
        return Vec::new();
    }
    let head = head_end(&solid);
    let mut taken: Vec<(usize, usize)> = Vec::new();
    let mut at = 1;
    while at < head {
        let end = clause_end(&solid, at);
        match end {
            Some(end) => {
                taken.push((at, end));
                at = end;
            }
            None => at += 1,
        }
    }
    let ranges: Vec<(usize, usize)> =
        taken.iter().filter_map(|(from, to)| Some((solid.place(*from)?, solid.place(to - 1)?))).collect();
    let mut texts = Vec::new();
    for (from, to) in ranges {
        let Some(range) = tokens.get_mut(from..=to) else { continue };
        texts.push(range.iter().map(|token| token.token.to_string()).collect::<String>());
        for token in range {
            token.token = Token::Whitespace(Whitespace::Space);
        }
    }
    texts
}

/// Where the query of CREATE … AS begins, or the end.
fn head_end(solid: &Solid<'_>) -> usize {
    let mut depth = 0_i32;
    for at in 0..solid.len() {
        match solid.token(at) {
            Some(Token::LParen) => depth += 1,
            Some(Token::RParen) => depth -= 1,
            Some(Token::Word(Word { keyword: Keyword::AS, quote_style: None, .. })) if depth == 0 => return at,
            _ => {}
        }
    }
    solid.len()
}

/// The end of a clause that is taken out, where one begins.
fn clause_end(solid: &Solid<'_>, at: usize) -> Option<usize> {
    const OPTIONS: [&str; 27] = [
        "TARGET_LAG",
        "WAREHOUSE",
        "INITIALIZATION_WAREHOUSE",
        "REFRESH_MODE",
        "INITIALIZE",
        "SCHEDULER",
        "IMMUTABLE",
        "DATA_RETENTION_TIME_IN_DAYS",
        "MAX_DATA_EXTENSION_TIME_IN_DAYS",
        "CHANGE_TRACKING",
        "DEFAULT_DDL_COLLATION",
        "ENABLE_SCHEMA_EVOLUTION",
        "EXTERNAL_VOLUME",
        "CATALOG",
        "BASE_LOCATION",
        "CATALOG_SYNC",
        "STORAGE_SERIALIZATION_POLICY",
        "CATALOG_TABLE_NAME",
        "CATALOG_NAMESPACE",
        "ROW_TIMESTAMP",
        "TARGET_FILE_SIZE",
        "ICEBERG_VERSION",
        "STAGE_FILE_FORMAT",
        "STAGE_COPY_OPTIONS",
        "REQUIRE_USER",
        "BACKFILL",
        "LOG_LEVEL",
    ];
    let word = solid.word(at);
    let parenthesised = |from: usize| closing(solid, from);
    let kinds_end = if solid.word(0) == "CREATE" || solid.says(1, &["IF", "EXISTS"]) { 5 } else { 3 };
    match word.as_str() {
        "TRANSIENT" | "SECURE" | "DYNAMIC" | "ICEBERG" | "HYBRID" | "VOLATILE" if at < kinds_end => Some(at + 1),
        "COPY" if solid.says(at, &["COPY", "GRANTS"]) => Some(at + 2),
        "CLUSTER" if solid.says(at, &["CLUSTER", "BY"]) => parenthesised(at + 2),
        "WITH" | "ROW" | "MASKING" | "TAG" | "AGGREGATION" | "PROJECTION" => policy_end(solid, at),
        _ if OPTIONS.contains(&word.as_str()) && matches!(solid.token(at + 1), Some(Token::Eq)) => {
            match solid.token(at + 2) {
                Some(Token::LParen) => parenthesised(at + 2),
                _ => Some(at + 3),
            }
        }
        _ => None,
    }
}

/// `[with] row access policy p on (a)`, `[with] masking policy p [using (a, b)]`, `[with] tag (a = 'b')`.
fn policy_end(solid: &Solid<'_>, from: usize) -> Option<usize> {
    let at = if solid.word(from) == "WITH" { from + 1 } else { from };
    if solid.word(at) == "TAG" && matches!(solid.token(at + 1), Some(Token::LParen)) {
        return closing(solid, at + 1);
    }
    let words = [
        &["ROW", "ACCESS", "POLICY"][..],
        &["MASKING", "POLICY"],
        &["AGGREGATION", "POLICY"],
        &["PROJECTION", "POLICY"],
    ];
    let words = words.into_iter().find(|words| solid.says(at, words))?;
    let (_, mut end) = solid.name(at + words.len());
    if matches!(solid.word(end).as_str(), "ON" | "USING") {
        end = closing(solid, end + 1)?;
    } else if solid.says(end, &["ENTITY", "KEY"]) {
        end = closing(solid, end + 2)?;
    }
    Some(end)
}

/// The end of what is in parentheses.
fn closing(solid: &Solid<'_>, from: usize) -> Option<usize> {
    if !matches!(solid.token(from), Some(Token::LParen)) {
        return None;
    }
    let mut depth = 0_i32;
    for at in from..solid.len() {
        match solid.token(at) {
            Some(Token::LParen) => depth += 1,
            Some(Token::RParen) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// `alter table t add column a int, b int`: the list as operations of their own.
pub fn mend_added_columns(tokens: &mut Vec<TokenWithSpan>) {
    let solid = Solid::new(tokens);
    if !solid.says(0, &["ALTER", "TABLE"]) {
        return;
    }
    let start = if solid.says(2, &["IF", "EXISTS"]) { 4 } else { 2 };
    let (_, at) = solid.name(start);
    if solid.word(at) != "ADD" {
        return;
    }
    let mut depth = 0_i32;
    let mut commas = Vec::new();
    for at in at..solid.len() {
        match solid.token(at) {
            Some(Token::LParen) => depth += 1,
            Some(Token::RParen) => depth -= 1,
            Some(Token::Comma) if depth == 0 && solid.word(at + 1) != "ADD" => {
                let names_column = solid.word(at + 1) == "COLUMN";
                commas.extend(solid.place(at).map(|place| (place, names_column)));
            }
            _ => {}
        }
    }
    for (place, names_column) in commas.into_iter().rev() {
        let Some(span) = tokens.get(place).map(|token| token.span) else { continue };
        let mut added = vec![Token::Whitespace(Whitespace::Space), Token::make_keyword("ADD")];
        if !names_column {
            added.extend([Token::Whitespace(Whitespace::Space), Token::make_keyword("COLUMN")]);
        }
        let added = added.into_iter().map(|token| TokenWithSpan { token, span });
        tokens.splice(place + 1..place + 1, added);
    }
}
