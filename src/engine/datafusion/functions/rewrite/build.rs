//! Short constructors of syntax nodes.

use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
        FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value, helpers::attached_token::AttachedToken,
    },
    tokenizer::Span,
};

pub(in crate::engine::datafusion) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(argument).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

pub(in crate::engine::datafusion) fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

pub(in crate::engine::datafusion) fn number(value: i64) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).with_span(Span::empty()))
}

pub(in crate::engine::datafusion) fn string(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).with_span(Span::empty()))
}

/// `(left op right)`: parenthesised, so that it can stand anywhere.
pub(in crate::engine::datafusion) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    nested(Expr::BinaryOp { left: Box::new(nested(left)), op, right: Box::new(nested(right)) })
}

pub(in crate::engine::datafusion) fn nested(expr: Expr) -> Expr {
    match expr {
        expr @ (Expr::Nested(_)
        | Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::Function(_)) => expr,
        expr => Expr::Nested(Box::new(expr)),
    }
}

/// `case when condition then result … else otherwise end`
pub(in crate::engine::datafusion) fn case(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: branches.into_iter().map(|(condition, result)| CaseWhen { condition, result }).collect(),
        else_result: otherwise.map(Box::new),
    }
}

pub(in crate::engine::datafusion) fn cast(expr: Expr, data_type: DataType) -> Expr {
    cast_as(CastKind::Cast, expr, data_type)
}

pub(in crate::engine::datafusion) fn cast_as(kind: CastKind, expr: Expr, data_type: DataType) -> Expr {
    let kind = if kind == CastKind::DoubleColon { CastKind::Cast } else { kind };
    Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }
}

/// The terms joined by `op`; `None` when there are none.
pub(in crate::engine::datafusion) fn join_with(op: &BinaryOperator, terms: Vec<Expr>) -> Option<Expr> {
    terms.into_iter().reduce(|left, right| binary(left, op.clone(), right))
}
