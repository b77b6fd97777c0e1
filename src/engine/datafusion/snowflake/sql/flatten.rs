//! `lateral flatten(input => …)`: a row for each element of an array or member of an object.

use std::{
    fmt, hash,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int64Array, LargeStringArray, ListArray, StringArray, StructArray},
        buffer::OffsetBuffer,
        datatypes::{DataType, Field, FieldRef, Fields},
    },
    common::{
        Column, DFSchema, Result, ScalarValue, UnnestOptions,
        config::ConfigOptions,
        exec_err, plan_err,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        ColumnarValue, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
        ScalarUDFImpl, Signature, Volatility, col, lit,
        planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning},
    },
    optimizer::AnalyzerRule,
    sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArgOperator, TableAlias, TableFactor},
};

use super::{
    json::{Json, quoted},
    row::VARIANT,
    variant::steps,
};
use crate::engine::datafusion::functions::json::path::Step;

const NAME: &str = "sf_flatten";
/// The column of lists, while they are taken apart; cannot be typed.
const LISTS: &str = "\u{1}flatten";
/// The mode for pieces of a text, which are counted from 1.
const PIECES: &str = "pieces";
/// Deeper documents end here.
const MAX_DEPTH: usize = 256;

/// The columns in order; unquoted names are in lower case.
const COLUMNS: [&str; 6] = ["seq", "key", "path", "index", "value", "this"];

fn element_fields() -> Fields {
    let types = [DataType::Int64, DataType::Utf8, DataType::Utf8, DataType::Int64, VARIANT, VARIANT];
    COLUMNS.iter().zip(types).map(|(name, data_type)| Field::new(*name, data_type, true)).collect()
}

fn list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(element_fields()), true)))
}

/// `sf_flatten(input, path, outer, recursive, mode)`: the list of rows of one input. Counts its inputs, so each plan has its own.
struct Flatten {
    inputs: AtomicI64,
    signature: Signature,
}

impl Flatten {
    fn function() -> ScalarUDF {
        let coercible = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Self { inputs: AtomicI64::new(0), signature: coercible })
    }
}

impl fmt::Debug for Flatten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

impl PartialEq for Flatten {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Flatten {}

impl hash::Hash for Flatten {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl ScalarUDFImpl for Flatten {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let text = DataType::Utf8;
        let types = vec![VARIANT, text.clone(), DataType::Boolean, DataType::Boolean, text];
        if arg_types.len() == types.len() { Ok(types) } else { plan_err!("write `flatten(input => …)`") }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(list_type())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(NAME, list_type(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args.args.iter().map(|arg| arg.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let [inputs, paths, outer, recursive, modes] = arrays.as_slice() else {
            return plan_err!("write `flatten(input => …)`");
        };
        let inputs = inputs.as_string::<i64>();
        let (paths, modes) = (paths.as_string::<i32>(), modes.as_string::<i32>());
        let (outer, recursive) = (outer.as_boolean(), recursive.as_boolean());
        let mut rows = Rows::default();
        let mut lengths = Vec::with_capacity(inputs.len());
        for row in 0..inputs.len() {
            let sequence = self.inputs.fetch_add(1, Ordering::Relaxed) + 1;
            let before = rows.sequences.len();
            let json = if inputs.is_null(row) { None } else { Json::parse(inputs.value(row)) };
            let path = if paths.is_null(row) { "" } else { paths.value(row) };
            let root = match json {
                Some(json) => descend(json, path)?,
                None => None,
            };
            let options = Options {
                recursive: recursive.is_valid(row) && recursive.value(row),
                objects: modes.is_null(row) || !modes.value(row).eq_ignore_ascii_case("array"),
                first: i64::from(modes.is_valid(row) && modes.value(row) == PIECES),
                arrays: modes.is_null(row) || !modes.value(row).eq_ignore_ascii_case("object"),
            };
            if let Some(root) = root {
                rows.expand(sequence, &root, path, &options, 0);
            }
            if rows.sequences.len() == before && outer.is_valid(row) && outer.value(row) {
                rows.push(sequence, Place { key: None, path: None, index: None, value: None, this: None });
            }
            lengths.push(rows.sequences.len() - before);
        }
        let list: ArrayRef = Arc::new(rows.into_lists(lengths)?);
        if args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&list, 0)?));
        }
        Ok(ColumnarValue::Array(list))
    }
}

struct Options {
    /// The index of the first element.
    first: i64,
    recursive: bool,
    objects: bool,
    arrays: bool,
}

/// One row but for its sequence number.
struct Place {
    key: Option<String>,
    path: Option<String>,
    index: Option<i64>,
    value: Option<String>,
    this: Option<String>,
}

#[derive(Default)]
struct Rows {
    sequences: Vec<i64>,
    keys: Vec<Option<String>>,
    paths: Vec<Option<String>>,
    indexes: Vec<Option<i64>>,
    values: Vec<Option<String>>,
    these: Vec<Option<String>>,
}

impl Rows {
    fn push(&mut self, sequence: i64, place: Place) {
        self.sequences.push(sequence);
        self.keys.push(place.key);
        self.paths.push(place.path);
        self.indexes.push(place.index);
        self.values.push(place.value);
        self.these.push(place.this);
    }

    fn expand(&mut self, sequence: i64, json: &Json, path: &str, options: &Options, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let this = json.to_string();
        let children: Vec<(Option<&str>, Option<i64>, String, &Json)> = match json {
            Json::Array(elements) if options.arrays => elements
                .iter()
                .zip(options.first..)
                .map(|(element, index)| (None, Some(index), format!("{path}[{index}]"), element))
                .collect(),
            Json::Object(members) if options.objects => {
                members.iter().map(|(key, value)| (Some(key.as_str()), None, member_path(path, key), value)).collect()
            }
            // What is not asked for is gone through all the same.
            Json::Array(elements) if options.recursive => {
                for (index, element) in elements.iter().enumerate() {
                    self.expand(sequence, element, &format!("{path}[{index}]"), options, depth + 1);
                }
                return;
            }
            Json::Object(members) if options.recursive => {
                for (key, value) in members {
                    self.expand(sequence, value, &member_path(path, key), options, depth + 1);
                }
                return;
            }
            _ => return,
        };
        for (key, index, path, value) in children {
            let place = Place {
                key: key.map(str::to_owned),
                path: Some(path.clone()),
                index,
                value: Some(value.to_string()),
                this: Some(this.clone()),
            };
            self.push(sequence, place);
            if options.recursive {
                self.expand(sequence, value, &path, options, depth + 1);
            }
        }
    }

    fn into_lists(self, lengths: Vec<usize>) -> Result<ListArray> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(self.sequences)),
            Arc::new(StringArray::from(self.keys)),
            Arc::new(StringArray::from(self.paths)),
            Arc::new(Int64Array::from(self.indexes)),
            Arc::new(LargeStringArray::from(self.values)),
            Arc::new(LargeStringArray::from(self.these)),
        ];
        let structs = StructArray::try_new(element_fields(), columns, None)?;
        let field = Arc::new(Field::new_list_field(DataType::Struct(element_fields()), true));
        Ok(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), Arc::new(structs), None)?)
    }
}

/// `a.b`, or `['a b']` where the key is no name.
fn member_path(path: &str, key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", quoted(key).replace('"', "'")),
    }
}

fn descend(json: Json, path: &str) -> Result<Option<Json>> {
    let mut current = json;
    for step in steps(path)? {
        let next = match step {
            Step::Key(key) | Step::Either(key, _) => current.get(&key).cloned(),
            Step::Index(index) => current.element(index).cloned(),
        };
        match next {
            Some(next) => current = next,
            None => return Ok(None),
        }
    }
    Ok(Some(current))
}

/// Plans the table function.
#[derive(Debug)]
pub(super) struct FlattenPlanner;

impl RelationPlanner for FlattenPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (name, args, alias) = match relation {
            TableFactor::Function { name, args, alias, .. } if name.to_string().starts_with("sf_") => {
                (name.to_string(), args, alias)
            }
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let empty = DFSchema::empty();
        let pieces = match name.as_str() {
            "sf_split_to_table" => Some("sf_split"),
            "sf_strtok_split_to_table" => Some("sf_strtok_to_array"),
            _ => None,
        };
        if let Some(pieces) = pieces {
            let Some(function) = context.context_provider().get_function_meta(pieces) else {
                return plan_err!("`{name}` is not a function");
            };
            let texts = args
                .into_iter()
                .map(|arg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => context.sql_to_expr(value, &empty),
                    other => {
                        plan_err!("`{other}` is no argument of this table function; write `split_to_table(text, ',')`")
                    }
                })
                .collect::<Result<Vec<_>>>()?;
            let arguments = vec![function.call(texts), lit(""), lit(false), lit(false), lit(PIECES)];
            return planned(arguments, alias);
        }
        let (mut input, mut path, mut mode) = (None, lit(""), lit("BOTH"));
        let (mut outer, mut recursive) = (lit(false), lit(false));
        for arg in args {
            let (name, value) = match arg {
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(value),
                    operator: FunctionArgOperator::RightArrow,
                } => (name.value.to_lowercase(), value),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => ("input".to_owned(), value),
                other => return plan_err!("`{other}` is no argument of `flatten`; write `flatten(input => …)`"),
            };
            let value = context.sql_to_expr(value, &empty)?;
            match name.as_str() {
                "input" => input = Some(value),
                "path" => path = value,
                "outer" => outer = value,
                "recursive" => recursive = value,
                "mode" => mode = value,
                other => {
                    return plan_err!(
                        "`flatten` has no argument `{other}`; it has input, path, outer, recursive and mode"
                    );
                }
            }
        }
        let Some(input) = input else { return plan_err!("`flatten` needs what to flatten: `flatten(input => …)`") };
        planned(vec![input, path, outer, recursive, mode], alias)
    }
}

fn planned(arguments: Vec<Expr>, alias: Option<TableAlias>) -> Result<RelationPlanning> {
    let call = Flatten::function().call(arguments).alias(LISTS);
    let lists = LogicalPlanBuilder::empty(true).project(vec![call])?.build()?;
    let plan = take_apart(lists, Vec::new(), None)?;
    Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
}

/// The rows of the lists in `plan`, beside the columns `kept`.
fn take_apart(
    plan: LogicalPlan,
    kept: Vec<Expr>,
    qualifier: Option<&datafusion::common::TableReference>,
) -> Result<LogicalPlan> {
    let options = UnnestOptions::new().with_preserve_nulls(false);
    let unnested =
        LogicalPlanBuilder::from(plan).unnest_column_with_options(Column::from_name(LISTS), options)?.build()?;
    let member = |name: &str| {
        let value = datafusion::functions::core::expr_fn::get_field(col(Column::from_name(LISTS)), name);
        match qualifier {
            Some(qualifier) => value.alias_qualified(Some(qualifier.clone()), name),
            None => value.alias(name),
        }
    };
    let columns = kept.into_iter().chain(COLUMNS.iter().map(|name| member(name)));
    LogicalPlanBuilder::from(unnested).project(columns)?.build()
}

/// Turns the join of a table with its own flattened column into one pass over the table.
#[derive(Debug)]
pub(super) struct FlattenJoins;

impl AnalyzerRule for FlattenJoins {
    fn name(&self) -> &str {
        "snowflake_flatten_joins"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let joined = plan.transform_up_with_subqueries(rewrite_join)?.data;
        joined.apply_with_subqueries(|node| {
            let of_outer_query = |expr: &Expr| {
                let expr = if let Expr::Alias(alias) = expr { alias.expr.as_ref() } else { expr };
                matches!(expr, Expr::ScalarFunction(call) if call.func.name() == NAME) && expr.contains_outer()
            };
            if let LogicalPlan::Projection(projection) = node
                && projection.expr.iter().any(of_outer_query)
            {
                return plan_err!(
                    "`flatten` of a column of an outer query is not supported; join it: `from t, lateral flatten(input => t.v)`"
                );
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(joined)
    }
}

fn rewrite_join(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(join) = &plan else { return Ok(Transformed::no(plan)) };
    let (subquery, alias) = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::Subquery(subquery) => (subquery, Some(&alias.alias)),
            _ => return Ok(Transformed::no(plan)),
        },
        LogicalPlan::Subquery(subquery) => (subquery, None),
        _ => return Ok(Transformed::no(plan)),
    };
    let Some(mut args) = flatten_arguments(&subquery.subquery)? else { return Ok(Transformed::no(plan)) };
    for arg in &mut args {
        *arg = std::mem::take(arg)
            .transform(|expr| match expr {
                Expr::OuterReferenceColumn(_, column) => Ok(Transformed::yes(Expr::Column(column))),
                expr => Ok(Transformed::no(expr)),
            })?
            .data;
    }
    let always = |expr: &Expr| matches!(expr, Expr::Literal(ScalarValue::Boolean(Some(true)), _));
    if !join.on.is_empty() || (join.join_type != JoinType::Inner && !join.filter.as_ref().is_none_or(always)) {
        return plan_err!("`left join lateral flatten(…)` is supported with `on true` alone");
    }
    if join.join_type == JoinType::Left
        && let Some(outer) = args.get_mut(2)
    {
        *outer = lit(true);
    }
    let left = join.left.as_ref().clone();
    let kept: Vec<Expr> = left.schema().columns().into_iter().map(Expr::Column).collect();
    let lists = Flatten::function().call(args).alias(LISTS);
    let with_lists = LogicalPlanBuilder::from(left).project(kept.iter().cloned().chain([lists]))?.build()?;
    let mut rewritten = take_apart(with_lists, kept, alias)?;
    if let Some(filter) = join.filter.clone().filter(|filter| !always(filter)) {
        rewritten = LogicalPlanBuilder::from(rewritten).filter(filter)?.build()?;
    }
    Ok(Transformed::yes(rewritten))
}

/// The arguments of the call at the bottom of the planned table function; `None` when this is another subquery.
fn flatten_arguments(plan: &LogicalPlan) -> Result<Option<Vec<Expr>>> {
    let mut found = None;
    let mut foreign = false;
    plan.apply(|node| {
        match node {
            LogicalPlan::Projection(projection) => {
                for expr in &projection.expr {
                    let expr = match expr {
                        Expr::Alias(alias) => alias.expr.as_ref(),
                        expr => expr,
                    };
                    if let Expr::ScalarFunction(call) = expr
                        && call.func.name() == NAME
                    {
                        found = Some(call.args.clone());
                    }
                }
            }
            LogicalPlan::Unnest(_) | LogicalPlan::EmptyRelation(_) | LogicalPlan::SubqueryAlias(_) => {}
            _ => foreign = true,
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    if foreign && found.is_some() {
        return exec_err!("`flatten` of a column is supported as a joined table alone");
    }
    Ok(found)
}
