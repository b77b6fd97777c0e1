//! Files on disk read by SQL: each test writes its own files and asks questions.

use std::{fs, path::Path, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray},
        datatypes::SchemaRef,
    },
    parquet::arrow::ArrowWriter,
    physical_plan::{ExecutionPlan, collect},
    prelude::SessionContext,
    sql::parser::{DFParserBuilder, Statement as DfStatement},
};

use super::{External, ExternalOptions, resolve_external};
use crate::engine::datafusion::functions::{
    recover, rewrite_statement,
    tests::{rows, session},
};

async fn plan(ctx: &SessionContext, root: &Path, sql: &str) -> Result<(Arc<dyn ExecutionPlan>, External), String> {
    let mut statement = DFParserBuilder::new(sql).build().unwrap().parse_statements().unwrap().pop_front().unwrap();
    let DfStatement::Statement(inner) = &mut statement else { panic!("{sql}") };
    rewrite_statement(inner).map_err(|error| error.to_string())?;
    let options = ExternalOptions { project_root: root.to_path_buf() };
    let external = resolve_external(ctx, inner, &options).await.map_err(|error| error.to_string())?;
    let mut inner = inner.as_ref().clone();
    loop {
        match ctx.state().statement_to_plan(DfStatement::Statement(Box::new(inner.clone()))).await {
            Ok(plan) => {
                let plan = ctx.state().create_physical_plan(&plan).await.map_err(|error| error.strip_backtrace())?;
                return Ok((plan, external));
            }
            Err(error) if recover(&mut inner, &error) => {}
            Err(error) => return Err(error.strip_backtrace()),
        }
    }
}

async fn answer(ctx: &SessionContext, root: &Path, sql: &str) -> String {
    let (plan, external) = match plan(ctx, root, sql).await {
        Ok(planned) => planned,
        Err(error) => return format!("error: {error}"),
    };
    let batches = collect(plan, ctx.task_ctx()).await;
    external.release(ctx);
    match batches {
        Ok(batches) => rows(&batches),
        Err(error) => format!("error: {}", external.explain(&error).unwrap()),
    }
}

#[track_caller]
fn check_all(root: &Path, table: &[(&str, &str)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ctx = session();
    let mut wrong = Vec::new();
    for (sql, expected) in table {
        let found = runtime.block_on(answer(&ctx, root, sql));
        if found != *expected && !(expected.starts_with("error: ") && found.starts_with(expected)) {
            wrong.push(format!("{sql}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn parquet(root: &Path, path: &str, columns: &[(&str, ArrayRef)]) {
    let batch = RecordBatch::try_from_iter(columns.iter().map(|(name, array)| (*name, Arc::clone(array)))).unwrap();
    let schema: SchemaRef = batch.schema();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    write(root, path, bytes);
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn files_are_named_by_path_glob_folder_or_function() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    parquet(root, "data/one.parquet", &[("id", ints(&[1, 2]))]);
    parquet(root, "data/two.parquet", &[("id", ints(&[3]))]);
    parquet(root, "data/deep/er/three.parquet", &[("id", ints(&[4]))]);
    write(root, "data/_SUCCESS", "");
    write(root, "csv/a.csv", "id,name,at\n1,x,2024-01-01 10:00:00\n2,\"y\nz\",\n");
    write(root, "csv/b.tsv", "id\tname\n3\tq\n");
    write(root, "csv/semi.csv", "id;name\n7;n/a\n");
    write(root, "json/a.json", "{\"id\": 1, \"tags\": [\"x\"]}\n{\"id\": 2, \"tags\": null, \"more\": true}\n");
    write(root, "json/array.json", "[{\"id\": 1}, {\"id\": 2}]");
    check_all(
        root,
        &[
            ("select count(*), sum(id) from 'data/one.parquet'", "2,3"),
            ("select one.id from 'data/one.parquet' where one.id > 1", "2"),
            ("select sum(x.id) from './data/*.parquet' as x", "6"),
            ("select sum(data.id) from 'data/**/*.parquet'", "10"),
            ("select sum(id) from 'data/{one,two}.parquet'", "6"),
            ("select sum(id) from 'data/[!o]*.parquet'", "3"),
            ("select sum(id) from 'data/t?o.parquet'", "3"),
            ("select sum(id) from 'data/'", "10"),
            ("select sum(id) from 'data'", "10"),
            ("select sum(id) from read_parquet('data/one.parquet')", "3"),
            ("select sum(id) from read_parquet(['data/one.parquet', 'data/two.parquet'])", "6"),
            ("select id, filename from read_parquet('data/two.parquet', filename = true)", "3,data/two.parquet"),
            (
                "with c as (select * from 'data/one.parquet') select a.id from c a join 'data/one.parquet' b on a.id = b.id order by 1",
                "1|2",
            ),
            ("select id, name, at from 'csv/a.csv'", "1,x,2024-01-01T10:00:00|2,y\nz,∅"),
            ("select id, name from 'csv/b.tsv'", "3,q"),
            ("select id, name from read_csv('csv/semi.csv', delim = ';', nullstr = 'n/a')", "7,∅"),
            ("select id, name from read_csv('csv/semi.csv', sep := ';', all_varchar => true)", "7,n/a"),
            (
                "select arrow_typeof(id), x from read_csv('csv/semi.csv', sep = ';', columns = {'id': 'INTEGER', 'x': 'VARCHAR'})",
                "Int32,n/a",
            ),
            (
                "select arrow_typeof(id) from read_csv('csv/semi.csv', sep = ';', types = {'id': 'decimal(10,2)'})",
                "Decimal128(10, 2)",
            ),
            ("select * from read_csv('csv/b.tsv', delim = '\\t', header = false)", "id,name|3,q"),
            ("select id, tags, more from 'json/a.json'", "1,[x],∅|2,∅,true"),
            ("select sum(id) from read_json('json/array.json')", "3"),
            ("select sum(id) from read_json_auto('json/a.json', format = 'newline_delimited')", "3"),
        ],
    );
}

#[test]
fn folders_of_key_and_value_are_typed_columns_and_filters_on_them_skip_files() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for day in 1..=9 {
        for region in ["eu", "us west"] {
            let path = format!("events/dt=2024-01-0{day}/n={day}/region={}/part.parquet", region.replace(' ', "%20"));
            parquet(root, &path, &[("id", ints(&[day, day]))]);
        }
    }
    parquet(root, "nulls/k=1/a.parquet", &[("id", ints(&[1]))]);
    parquet(root, "nulls/k=__HIVE_DEFAULT_PARTITION__/a.parquet", &[("id", ints(&[2]))]);
    parquet(root, "mixed/k=1/a.parquet", &[("id", ints(&[1]))]);
    parquet(root, "mixed/j=1/a.parquet", &[("id", ints(&[2]))]);
    check_all(
        root,
        &[
            (
                "select arrow_typeof(dt), arrow_typeof(n), arrow_typeof(region) from 'events/' limit 1",
                "Date32,Int64,Utf8",
            ),
            ("select count(*) from 'events/' where dt = '2024-01-03'", "4"),
            ("select distinct region from 'events/**/*.parquet' order by 1", "eu|us west"),
            (
                "select sum(n), count(*) from 'events/' where dt between date '2024-01-02' and date '2024-01-03' and region = 'us west' and id > 0",
                "10,4",
            ),
            ("select count(*) from 'events/dt=2024-01-01/*/*/part.parquet' where dt = date '2024-01-01'", "4"),
            ("select id, k from 'nulls/' order by id", "1,1|2,∅"),
            ("select id from 'nulls/' where k is null", "2"),
            ("select id from 'nulls/' where k > 0", "1"),
            ("select * from 'mixed/' order by id", "1|2"),
            (
                "select * from read_parquet('mixed/**/*.parquet', hive_partitioning = true)",
                "error: `mixed/j=1/a.parquet` and `mixed/k=1/a.parquet` have different partition folders",
            ),
            ("select * from read_parquet('nulls/**', hive_partitioning = false) order by id", "1|2"),
            ("select arrow_typeof(k) from read_parquet('nulls/**', hive_types_autocast = 0) limit 1", "Utf8"),
        ],
    );

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ctx = session();
    for (filter, files) in [
        ("true", 18),
        ("dt = '2024-01-03'", 2),
        ("dt >= '2024-01-08' and region = 'eu'", 2),
        ("n in (1, 2) and id = 1", 4),
        ("year(dt) = 2023", 0),
        ("dt = (select date '2024-01-03')", 18),
    ] {
        let sql = format!("select sum(id) from 'events/' where {filter}");
        let (plan, _external) = runtime.block_on(plan(&ctx, root, &sql)).unwrap();
        let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string();
        assert_eq!(shown.matches("part.parquet").count(), files, "{filter}\n{shown}");
    }
}

#[test]
fn files_that_differ_are_united_by_name_or_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    parquet(root, "u/a.parquet", &[("id", ints(&[1])), ("x", texts(&["a"]))]);
    parquet(root, "u/b.parquet", &[("y", texts(&["b"])), ("id", Arc::new(Int32Array::from(vec![2])))]);
    parquet(root, "bad/a.parquet", &[("id", ints(&[1]))]);
    parquet(root, "bad/b.parquet", &[("id", texts(&["x"]))]);
    write(root, "c/a.csv", "id,x\n1,a\n");
    write(root, "c/b.csv", "y,id\nb,2\n");
    write(root, "c2/a.csv", "id\n1\n");
    write(root, "c2/b.csv", "id\nfoo\n");
    write(root, "j/a.json", "{\"id\": 1, \"o\": {\"a\": 1}}\n");
    write(root, "j/b.json", "{\"id\": 2, \"o\": {\"b\": 2}}\n");
    check_all(
        root,
        &[
            ("select id, x, y from 'u/' order by id", "1,a,∅|2,∅,b"),
            ("select id, x, y from 'u/' where id = 2", "2,∅,b"),
            ("select id, x, y from read_parquet('u/*.parquet', union_by_name = true) where y = 'b'", "2,∅,b"),
            ("select * from 'bad/'", "error: column `id` is bigint in `bad/a.parquet` and varchar"),
            ("select id, x, y from 'c/' order by id", "1,a,∅|2,∅,b"),
            ("select y from 'c/' where id = 2", "b"),
            ("select id from 'c2/' order by id", "1|foo"),
            ("select id, o['a'], o['b'] from 'j/' order by id", "1,1,∅|2,∅,2"),
        ],
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    parquet(root, "t/good.parquet", &[("id", ints(&[1]))]);
    let whole = fs::read(root.join("t/good.parquet")).unwrap();
    write(root, "t/cut.parquet", &whole[..whole.len() / 2]);
    write(root, "t0/zero.parquet", "");
    fs::create_dir_all(root.join("empty")).unwrap();
    write(root, "late.csv", format!("id\n{}oops\n", "1\n".repeat(30_000)));
    write(root, "x.avro", "");
    write(root, "Case.csv", "OrderId,order_id2\n1,2\n");
    check_all(
        root,
        &[
            ("select * from 't/'", "error: cannot read `t/cut.parquet`"),
            ("select * from 't0/zero.parquet'", "error: cannot read `t0/zero.parquet` (0 bytes): the file is empty"),
            ("select * from 'empty/'", "error: cannot read `empty/`: the folder has no data files"),
            ("select * from 'nope/x.parquet'", "error: cannot read `nope/x.parquet`: no such file or folder (`/"),
            ("select * from 'nope/*.parquet'", "error: cannot read `nope/*.parquet`: no file matches (`/"),
            ("select sum(id) from 'late.csv'", "error: Error while parsing value 'oops'"),
            ("select * from 'x.avro'", "error: `the file type of `x.avro`` is not supported"),
            ("select * from delta_scan('t')", "error: cannot read the Delta table `t`: no Delta table at `/"),
            ("select * from read_parquet()", "error: read_parquet: the path is missing"),
            ("select * from read_csv('late.csv', colour = 'red')", "error: read_csv: `colour` is not an option of it"),
            (
                "select * from read_csv('late.csv', header = 'maybe')",
                "error: read_csv: `'maybe'` is not a value of the option `header`",
            ),
            ("select * from 's3://bucket/x.parquet'", "error: cannot read `s3://bucket/x.parquet`"),
            ("select OrderId, ORDER_ID2 from 'Case.csv' where orderid = 1 and \"OrderId\" = 1", "1,2"),
        ],
    );
}

#[test]
fn globs() {
    for (pattern, path, expected) in [
        ("a/*.csv", "a/b.csv", true),
        ("a/*.csv", "a/b/c.csv", false),
        ("a/**/*.csv", "a/c.csv", true),
        ("a/**/*.csv", "a/b/c/d.csv", true),
        ("a/**", "a/b/c", true),
        ("a/b?.csv", "a/b1.csv", true),
        ("a/[a-c]*.csv", "a/bx.csv", true),
        ("a/[!a-c]*.csv", "a/bx.csv", false),
        ("*", ".hidden", false),
        ("a/[", "a/[", false),
    ] {
        assert_eq!(super::glob::matches(pattern, path), expected, "{pattern} {path}");
    }
    assert_eq!(super::glob::expand_braces("a/{x,y}/{1,2}"), ["a/x/1", "a/x/2", "a/y/1", "a/y/2"]);
    assert_eq!(super::glob::fixed_prefix("a/b/c*/d"), "a/b");
}
