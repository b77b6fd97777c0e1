//! The pass over a parsed statement that turns what only Snowflake has into what all dialects share. Purely syntactic.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, AlterTableOperation, ArrayElemTypeDef, BinaryOperator, CeilFloorKind, DataType, DateTimeField, Expr,
    Ident, JsonPathElem, Query, Select, SelectItem, Statement, Subscript, TableFactor, TrimWhereField, UnaryOperator,
    Value, VisitMut, VisitorMut,
};

use super::{calls, date_parts, tables};
use crate::engine::{
    EngineError,
    datafusion::functions::rewrite::{
        build::{call, nested, number, string},
        types,
    },
};

/// Rewrites a statement before anything else looks at it.
///
/// # Errors
/// [`EngineError::Unsupported`] for what has no meaning here, with what to write instead.
pub(in crate::engine::datafusion) fn rewrite_statement(statement: &mut Statement) -> Result<(), EngineError> {
    match statement.visit(&mut Rewriter::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// Gives the columns of DDL the types that the engine has for Snowflake's.
pub(in crate::engine::datafusion) fn rewrite_columns(statement: &mut Statement) {
    match statement {
        Statement::CreateTable(create) => {
            create.columns.iter_mut().for_each(|column| column_type(&mut column.data_type));
        }
        Statement::AlterTable(alter) => {
            for operation in &mut alter.operations {
                if let AlterTableOperation::AddColumn { column_def, .. } = operation {
                    column_type(&mut column_def.data_type);
                }
            }
        }
        _ => {}
    }
}

fn column_type(data_type: &mut DataType) {
    if is_variant(data_type) {
        *data_type = DataType::Custom(Ident::new(super::VARIANT_TYPE).into(), Vec::new());
    } else {
        number_type(data_type);
    }
}

fn is_variant(data_type: &DataType) -> bool {
    match data_type {
        DataType::Array(ArrayElemTypeDef::None) => true,
        DataType::Custom(name, _) => {
            matches!(name.to_string().to_lowercase().as_str(), "variant" | "object" | "array" | "map")
        }
        _ => false,
    }
}

/// All whole numbers are as wide as can be; a NUMBER without digits is one.
fn number_type(data_type: &mut DataType) {
    use datafusion::sql::sqlparser::ast::ExactNumberInfo;
    match data_type {
        DataType::Int(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::SmallInt(_)
        | DataType::TinyInt(_)
        | DataType::Int2(_)
        | DataType::Int4(_)
        | DataType::Int8(_) => *data_type = types::BIGINT,
        DataType::Custom(name, _) if name.to_string().eq_ignore_ascii_case("byteint") => *data_type = types::BIGINT,
        DataType::Decimal(ExactNumberInfo::None)
        | DataType::Numeric(ExactNumberInfo::None)
        | DataType::Dec(ExactNumberInfo::None) => *data_type = types::decimal(38, 0),
        DataType::Real | DataType::Float4 | DataType::Float(_) | DataType::Float8 => *data_type = types::DOUBLE,
        _ => {}
    }
}

#[derive(Default)]
struct Rewriter {
    /// Per open SELECT: what its unnamed expressions read before.
    unnamed: Vec<Vec<Option<String>>>,
    /// Per open SELECT: whether it reads from a generator.
    generators: Vec<bool>,
}

fn flow(result: Result<(), EngineError>) -> ControlFlow<Box<EngineError>> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Rewriter {
    type Break = Box<EngineError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        flow(tables::rewrite_query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        self.unnamed.push(
            select
                .projection
                .iter()
                .map(|item| match item {
                    SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => None,
                    SelectItem::UnnamedExpr(expr) => Some(expr.to_string()),
                    _ => None,
                })
                .collect(),
        );
        self.generators.push(tables::has_generator(select));
        flow(tables::rewrite_select(select))
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        self.generators.pop();
        [&mut select.selection, &mut select.having, &mut select.qualify].into_iter().flatten().for_each(condition);
        let names = self.unnamed.pop().unwrap_or_default();
        for (item, name) in select.projection.iter_mut().zip(names) {
            if let (SelectItem::UnnamedExpr(expr), Some(name)) = (&*item, name) {
                let alias = Ident::with_quote('"', name.to_lowercase());
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        flow(tables::rewrite_factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expr
            && self.generators.last() == Some(&true)
            && calls::simple_name(function)
                .is_some_and(|name| matches!(name.as_str(), "seq1" | "seq2" | "seq4" | "seq8"))
        {
            *expr = Expr::Identifier(tables::sequence());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match rewrite_expr(expr) {
            Ok(Some(rewritten)) => *expr = rewritten,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(Box::new(error)),
        }
        ControlFlow::Continue(())
    }
}

fn rewrite_expr(expr: &mut Expr) -> Result<Option<Expr>, EngineError> {
    Ok(match expr {
        Expr::Function(function) => return calls::rewrite_call(function),
        Expr::JsonAccess { value, path } => {
            let keys = path.path.iter().map(|element| match element {
                JsonPathElem::Dot { key, .. } => string(key),
                JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => key.clone(),
            });
            Some(call("sf_path", std::iter::once(*value.clone()).chain(keys).collect()))
        }
        Expr::CompoundFieldAccess { root, access_chain } => accesses(root, access_chain),
        Expr::Cast { kind, expr, data_type, .. } => {
            if is_variant(data_type) {
                let function = match data_type.to_string().to_lowercase().as_str() {
                    "object" | "map" => "sf_to_object",
                    "array" => "sf_to_array",
                    _ => "sf_to_variant",
                };
                return Ok(Some(call(function, vec![*expr.clone()])));
            }
            let length = text_length(data_type);
            number_type(data_type);
            length.map(|length| {
                let text = Expr::Cast {
                    kind: kind.clone(),
                    expr: expr.clone(),
                    data_type: types::VARCHAR,
                    array: false,
                    format: None,
                };
                call("sf_left", vec![text, number(length)])
            })
        }
        Expr::Extract { field, expr, .. } => {
            let part = field.to_string();
            Some(call("sf_date_part", vec![string(date_parts::plain(part.trim_matches(['\'', '"']))), *expr.clone()]))
        }
        Expr::Array(array) => Some(call("sf_array_construct", array.elem.clone())),
        Expr::Dictionary(fields) => {
            let members = fields.iter().flat_map(|field| [string(&field.key.value), *field.value.clone()]);
            Some(call("sf_object_construct", members.collect()))
        }
        Expr::Substring { .. } | Expr::Trim { .. } | Expr::Position { .. } | Expr::Ceil { .. } | Expr::Floor { .. } => {
            spelled(expr)
        }
        Expr::RLike { negated, expr, pattern, .. } => {
            let matches = call("sf_regexp_like", vec![*expr.clone(), *pattern.clone()]);
            Some(if *negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(matches) } } else { matches })
        }
        Expr::Like { expr, .. } | Expr::ILike { expr, .. } | Expr::InList { expr, .. } | Expr::Between { expr, .. } => {
            plain(expr);
            None
        }
        Expr::CompoundIdentifier(parts) => {
            // `t.$1`
            if let Some(last) = parts.last_mut()
                && let Some(number) = last.value.strip_prefix('$').and_then(|number| number.parse::<u16>().ok())
            {
                *last = tables::column(usize::from(number));
            }
            None
        }
        Expr::Case { conditions, .. } => {
            conditions.iter_mut().for_each(|when| condition(&mut when.condition));
            None
        }
        Expr::Value(value) => match &value.value {
            // `$1` is the first column.
            Value::Placeholder(text) => text
                .strip_prefix('$')
                .and_then(|number| number.parse::<u16>().ok())
                .map(|number| Expr::Identifier(tables::column(usize::from(number)))),
            _ => None,
        },
        Expr::Interval(interval) => {
            if let Expr::Value(value) = interval.value.as_mut()
                && let Value::SingleQuotedString(text) = &mut value.value
            {
                *text = text.replace(',', "");
            }
            None
        }
        Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, left, right } => {
            condition(left);
            condition(right);
            None
        }
        _ => None,
    })
}

/// Functions that have a syntax of their own.
fn spelled(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
            let mut args = vec![*expr.clone(), *from.clone()];
            args.extend(substring_for.iter().map(|length| *length.clone()));
            Some(call("sf_substr", args))
        }
        Expr::Trim { expr, trim_where, trim_what, trim_characters } => {
            let function = match trim_where {
                Some(TrimWhereField::Leading) => "sf_ltrim",
                Some(TrimWhereField::Trailing) => "sf_rtrim",
                Some(TrimWhereField::Both) | None => "sf_trim",
            };
            let characters = trim_what.as_deref().or(trim_characters.as_ref().and_then(|all| all.first()));
            Some(call(function, std::iter::once(*expr.clone()).chain(characters.cloned()).collect()))
        }
        Expr::Position { expr, r#in } => Some(call("sf_charindex", vec![*expr.clone(), *r#in.clone()])),
        Expr::Ceil { expr, field } => Some(rounded("sf_ceil", expr, field)),
        Expr::Floor { expr, field } => Some(rounded("sf_floor", expr, field)),
        _ => None,
    }
}

/// A variant in place of a condition is read as a boolean.
fn condition(expr: &mut Expr) {
    if let Expr::Function(function) = expr
        && calls::simple_name(function).as_deref() == Some("sf_path")
    {
        *expr = Expr::Cast {
            kind: datafusion::sql::sqlparser::ast::CastKind::Cast,
            expr: Box::new(expr.clone()),
            data_type: DataType::Boolean,
            array: false,
            format: None,
        };
    }
}

/// A variant beside text is read as text.
fn plain(expr: &mut Box<Expr>) {
    if matches!(expr.as_ref(), Expr::Value(_) | Expr::Tuple(_) | Expr::Cast { .. }) {
        return;
    }
    **expr = call("sf_plain", vec![nested(*expr.clone())]);
}

fn rounded(name: &str, expr: &Expr, field: &CeilFloorKind) -> Expr {
    match field {
        CeilFloorKind::Scale(digits) => call(name, vec![expr.clone(), Expr::Value(digits.clone())]),
        CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => call(name, vec![expr.clone()]),
        CeilFloorKind::DateTimeField(part) => call("date_trunc", vec![string(&part.to_string()), expr.clone()]),
    }
}

/// `v['a'][0].b`
fn accesses(root: &Expr, chain: &[AccessExpr]) -> Option<Expr> {
    let mut name = match root {
        Expr::Identifier(ident) => Some(vec![ident.clone()]),
        Expr::CompoundIdentifier(parts) => Some(parts.clone()),
        _ => None,
    };
    let mut keys = Vec::new();
    for access in chain {
        match access {
            AccessExpr::Dot(Expr::Identifier(ident)) => match &mut name {
                // Before the first bracket it is still the column's name.
                Some(name) if keys.is_empty() => name.push(ident.clone()),
                _ => keys.push(string(&ident.value)),
            },
            AccessExpr::Subscript(Subscript::Index { index }) => keys.push(index.clone()),
            _ => return None,
        }
    }
    let root = match name {
        Some(mut parts) if parts.len() == 1 => Expr::Identifier(parts.remove(0)),
        Some(parts) => Expr::CompoundIdentifier(parts),
        None => root.clone(),
    };
    (!keys.is_empty()).then(|| call("sf_path", std::iter::once(root).chain(keys).collect()))
}

/// The length to which a cast cuts a text.
fn text_length(data_type: &DataType) -> Option<i64> {
    use datafusion::sql::sqlparser::ast::CharacterLength;
    let length = match data_type {
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length)
        | DataType::Nvarchar(length) => length.as_ref()?,
        DataType::Char(length) | DataType::Character(length) => match length {
            Some(length) => length,
            None => return Some(1),
        },
        DataType::String(Some(length)) => return i64::try_from(*length).ok(),
        _ => return None,
    };
    match length {
        CharacterLength::IntegerLength { length, .. } if *length < 16_777_216 => i64::try_from(*length).ok(),
        _ => None,
    }
}
