//! CREATE FUNCTION and DROP FUNCTION: a scalar function is an expression in a file, which stands for each of its calls.

use std::{ops::ControlFlow, sync::Arc};

use datafusion::sql::sqlparser::ast::{
    CastKind, CreateFunction, CreateFunctionBody, DataType, DropFunction, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, FunctionReturnType, GroupByExpr, Ident, ObjectName, ObjectNamePart, Select, SelectItem, SetExpr,
    Statement, Value, VisitMut, VisitorMut,
};

use super::{
    super::{
        commit::remove_file,
        core::{Name, SessionCore, fold},
        layout::{self, FunctionArgument, FunctionFile, Place, check_name, storage},
        parse::{parse, sql_error},
    },
    create::require_schema,
    nothing,
};
use crate::{
    diagnostic::nearest,
    engine::{EngineError, Outcome},
};

/// Functions that call functions, at most so deep.
const MAX_DEPTH: usize = 32;

pub(super) fn create_function(session: &Arc<SessionCore>, create: &CreateFunction) -> Result<Outcome, EngineError> {
    if let Some(language) = create.language.as_ref().filter(|language| !language.value.eq_ignore_ascii_case("sql")) {
        return Err(unsupported(&format!("a function in language {}", language.value.to_lowercase())));
    }
    let returns = match &create.return_type {
        Some(FunctionReturnType::DataType(returns)) if !is_table(returns) => returns,
        Some(_) => return Err(unsupported("a function that returns a table")),
        None => return Err(sql_error("a function needs RETURNS with a type")),
    };
    let name = session.resolve(&create.name)?;
    check_name(&name.table)?;
    require_schema(session, &name)?;
    let place = place(session, &name)?;
    if place.function_file().exists() && !create.or_replace {
        return Err(sql_error(format!("function {name} already exists")));
    }
    let mut arguments = Vec::new();
    for (at, argument) in create.args.iter().flatten().enumerate() {
        arguments.push(FunctionArgument {
            name: argument.name.as_ref().map_or_else(|| format!("${}", at + 1), fold),
            data_type: argument.data_type.to_string(),
            default: argument.default_expr.as_ref().map(ToString::to_string),
        });
    }
    let file = FunctionFile {
        format: 1,
        body: body_text(create.function_body.as_ref())?,
        arguments,
        returns: returns.to_string(),
        run: session.lake.config.run_id.clone(),
    };
    // A place in the body is none in the statement.
    expression(&file.body).map_err(|error| sql_error(format!("the body of function {name}: {error}")))?;
    layout::write_function(&place, &file, &session.lake.staging(&place.root)?)?;
    Ok(nothing("CREATE FUNCTION"))
}

pub(super) fn drop_function(session: &Arc<SessionCore>, drop: &DropFunction) -> Result<Outcome, EngineError> {
    for described in &drop.func_desc {
        let name = session.resolve(&described.name)?;
        let path = place(session, &name)?.function_file();
        if path.exists() {
            remove_file(&path).map_err(|error| storage(format!("cannot drop function {name}"), &path, &error))?;
        } else if !drop.if_exists {
            return Err(missing(session, &name)?);
        }
    }
    Ok(nothing("DROP FUNCTION"))
}

/// Puts the bodies of stored functions in the place of their calls. Only calls with a schema are looked up.
///
/// # Errors
/// [`EngineError::Sql`] for a function that does not exist or is called with wrong arguments.
pub(in super::super) fn expand(session: &SessionCore, statement: &mut Statement) -> Result<(), EngineError> {
    visit(session, statement, 0)
}

fn visit(session: &SessionCore, tree: &mut impl VisitMut, depth: usize) -> Result<(), EngineError> {
    match tree.visit(&mut Expander { session, depth }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

fn unsupported(what: &str) -> EngineError {
    EngineError::Unsupported { feature: what.to_owned(), help: Some("write the body as a SQL expression".to_owned()) }
}

fn is_table(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Table(_) | DataType::NamedTable { .. })
}

fn place(session: &SessionCore, name: &Name) -> Result<Place, EngineError> {
    let root = session.root(&name.database)?;
    let schema = layout::find_schema(root, &name.schema)?.unwrap_or_else(|| name.schema.clone());
    let stored = layout::functions(root, &schema)?;
    let own = stored.into_iter().find(|stored| stored.eq_ignore_ascii_case(&name.table));
    Ok(Place { root: Arc::clone(root), schema, name: own.unwrap_or_else(|| name.table.clone()) })
}

fn missing(session: &SessionCore, name: &Name) -> Result<EngineError, EngineError> {
    let root = session.root(&name.database)?;
    let known = layout::functions(root, &name.schema)?;
    let near = nearest(&name.table, known.iter().map(String::as_str));
    Ok(EngineError::Sql {
        message: format!("function {name} does not exist"),
        position: None,
        help: near.map(|near| format!("did you mean `{near}`?")),
    })
}

/// The text of a body: `return x + 1`, `as (x + 1)`, `as 'select x + 1'`, `as $$ x + 1 $$`.
fn body_text(body: Option<&CreateFunctionBody>) -> Result<String, EngineError> {
    let body = match body {
        Some(
            CreateFunctionBody::Return(body)
            | CreateFunctionBody::AsBeforeOptions { body, .. }
            | CreateFunctionBody::AsAfterOptions(body)
            | CreateFunctionBody::AsReturnExpr(body),
        ) => body,
        Some(_) => return Err(unsupported("a function with statements")),
        None => return Err(sql_error("a function needs a body")),
    };
    let text = match body {
        Expr::Value(value) => match &value.value {
            Value::DollarQuotedString(text) => text.value.clone(),
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    Ok(text.trim().trim_end_matches(';').to_owned())
}

/// The body as an expression: a query without a table is its one column, any other query a subquery.
fn expression(text: &str) -> Result<Expr, EngineError> {
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let is_query = matches!(first.as_str(), "select" | "with");
    let whole = if is_query { text.to_owned() } else { format!("select {text}") };
    let mut statements = parse(&whole)?.into_iter();
    let (Some(parsed), None) = (statements.next(), statements.next()) else {
        return Err(sql_error("the body of a function is one expression"));
    };
    let Statement::Query(query) = parsed.statement else {
        return Err(sql_error("the body of a function is one expression"));
    };
    if let (None, SetExpr::Select(select)) = (&query.with, &*query.body)
        && let Some(expr) = only_expression(select)
    {
        return Ok(expr);
    }
    Ok(Expr::Subquery(query))
}

fn only_expression(select: &Select) -> Option<Expr> {
    let plain = select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none()
        && select.distinct.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(grouped, _) if grouped.is_empty());
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] if plain => Some(expr.clone()),
        _ => None,
    }
}

struct Expander<'a> {
    session: &'a SessionCore,
    depth: usize,
}

impl VisitorMut for Expander<'_> {
    type Break = Box<EngineError>;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        // A call that becomes an expression keeps the name that its column has.
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr @ Expr::Function(call)) = &*item
                && let (true, Some(ObjectNamePart::Identifier(name))) = (call.name.0.len() > 1, call.name.0.last())
            {
                *item = SelectItem::ExprWithAlias { alias: Ident::with_quote('"', fold(name)), expr: expr.clone() };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::Function(call) = &*expr else { return ControlFlow::Continue(()) };
        if call.name.0.len() < 2 {
            return ControlFlow::Continue(());
        }
        match self.body_of(call) {
            Ok(body) => {
                *expr = body;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

impl Expander<'_> {
    fn body_of(&self, call: &Function) -> Result<Expr, EngineError> {
        let name = self.session.resolve(&call.name)?;
        let place = place(self.session, &name)?;
        if !place.function_file().exists() {
            return Err(missing(self.session, &name)?);
        }
        if self.depth >= MAX_DEPTH {
            return Err(sql_error(format!("function {name} calls itself")));
        }
        let file = layout::read_function(&place)?;
        let values = arguments(&call.name, &call.args, &file)?;
        let mut body = expression(&file.body)?;
        let _: ControlFlow<()> = body.visit(&mut Substitution { file: &file, values: &values });
        // What the arguments call was expanded before.
        visit(self.session, &mut body, self.depth + 1)?;
        cast(body, &file.returns)
    }
}

/// The values of a call in the order of the function's arguments, cast to their types.
fn arguments(name: &ObjectName, given: &FunctionArguments, file: &FunctionFile) -> Result<Vec<Expr>, EngineError> {
    let given: &[FunctionArg] = match given {
        FunctionArguments::List(list) => &list.args,
        _ => &[],
    };
    let wrong = |what: String| sql_error(format!("{name}: {what}"));
    if given.len() > file.arguments.len() {
        return Err(wrong(format!("{} arguments are given, it has {}", given.len(), file.arguments.len())));
    }
    let mut values: Vec<Option<Expr>> = vec![None; file.arguments.len()];
    for (at, argument) in given.iter().enumerate() {
        let (slot, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (at, value),
            FunctionArg::Named { name: own, arg: FunctionArgExpr::Expr(value), .. } => {
                let known = file.arguments.iter().position(|argument| argument.name.eq_ignore_ascii_case(&own.value));
                (known.ok_or_else(|| wrong(format!("it has no argument `{own}`")))?, value)
            }
            other => return Err(wrong(format!("`{other}` is no argument"))),
        };
        if let Some(slot) = values.get_mut(slot) {
            *slot = Some(value.clone());
        }
    }
    let mut complete = Vec::with_capacity(values.len());
    for (argument, value) in file.arguments.iter().zip(values) {
        let value = match (value, &argument.default) {
            (Some(value), _) => value,
            (None, Some(default)) => expression(default)?,
            (None, None) => return Err(wrong(format!("argument `{}` is missing", argument.name))),
        };
        complete.push(cast(value, &argument.data_type)?);
    }
    Ok(complete)
}

/// `cast(expr as type)`, with the type as it was written.
fn cast(expr: Expr, data_type: &str) -> Result<Expr, EngineError> {
    let mut made = expression(&format!("cast(null as {data_type})"))?;
    if let Expr::Cast { expr: inner, kind: CastKind::Cast, .. } = &mut made {
        **inner = expr;
    }
    Ok(made)
}

/// Puts the values of a call in the place of argument names and of `$1`, `$2`, ….
struct Substitution<'a> {
    file: &'a FunctionFile,
    values: &'a [Expr],
}

impl VisitorMut for Substitution<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let at = match &*expr {
            Expr::Identifier(ident) => {
                let name = fold(ident);
                self.file.arguments.iter().position(|argument| argument.name.eq_ignore_ascii_case(&name))
            }
            Expr::Value(value) => match &value.value {
                Value::Placeholder(text) => {
                    let number = text.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
                    number.and_then(|number| number.checked_sub(1))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(value) = at.and_then(|at| self.values.get(at)) {
            *expr = value.clone();
        }
        ControlFlow::Continue(())
    }
}
