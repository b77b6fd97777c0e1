//! Tables laid out by partitions: rows and files.

use super::harness::Warehouse;
use crate::engine::{StatementOptions, TableOptions};

/// Rows and files of each partition of a table that is laid out by `partition_by`.
async fn written(rows: u64, day: &str, partition_by: &[&str]) -> (Warehouse, usize) {
    let warehouse = Warehouse::new().await;
    let partition_by = partition_by.iter().map(|name| (*name).to_owned()).collect();
    let options = StatementOptions { table: TableOptions { partition_by, ..TableOptions::default() }, limit: None };
    let sql = format!(
        "create table t as select value as id, {day} as day, 'x' || (value % 2) as part from generate_series(1, {rows}) as s(value)"
    );
    warehouse.session.execute(&sql, &options).await.unwrap();
    let mut files = 0;
    let mut folders = vec![warehouse.path("main/t")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files += usize::from(path.extension().is_some_and(|extension| extension == "parquet"));
            }
        }
    }
    (warehouse, files)
}

#[tokio::test]
async fn partitions_whose_rows_come_in_any_order_have_one_file_each() {
    let (warehouse, files) = written(50_000, "nullif(value % 5, 0)", &["day", "part"]).await;
    assert_eq!(files, 10);
    let counts =
        "select day, part, count(id) as n from t where day is null or day = 3 group by day, part order by day, part";
    assert_eq!(
        warehouse.text(counts).await,
        "day | part | n\n3 | x0 | 5000\n3 | x1 | 5000\nnull | x0 | 5000\nnull | x1 | 5000"
    );
}

#[tokio::test]
async fn more_partitions_than_may_be_open_at_once_are_written_whole() {
    let (warehouse, files) = written(90_000, "value % 300", &["day"]).await;
    assert_eq!(files, 300);
    let sums = "select count(*) as days, min(n) as least, max(n) as most, sum(total) as total
        from (select day, count(id) as n, sum(id) as total from t group by day) as days";
    assert_eq!(warehouse.text(sums).await, "days | least | most | total\n300 | 300 | 300 | 4050045000");
}
