//! What a user sees of a table.

use rust_decimal::Decimal;

use super::*;

fn table() -> Table {
    let row = |id: i64, name: Option<&str>, amount: &str| -> Row {
        [Value::Int(id), name.into(), Value::Decimal(amount.parse::<Decimal>().unwrap())].into()
    };
    Table::new(
        vec!["id".into(), "name".into(), "amount".into()],
        vec![ColumnKind::Integer, ColumnKind::Text, ColumnKind::Number],
        vec![row(1, Some("ann"), "1234.5"), row(2, None, "2"), row(3, Some("a very long name indeed"), "-0.25")],
    )
}

#[test]
fn a_table_prints_as_agate_prints_it() {
    assert_eq!(
        table().to_text(Some(20), Some(6)),
        "| id | name                 |   amount |
| -- | -------------------- | -------- |
| 1  | ann                  | 1,234.50 |
| 2  |                      |     2.00 |
| 3  | a very long name ... |    -0.25 |"
    );
}

#[test]
fn rows_and_columns_beyond_the_maximum_are_an_ellipsis() {
    assert_eq!(
        table().to_text(Some(1), Some(2)),
        "| id | name | ... |
| -- | ---- | --- |
| 1  | ann  | ... |
| ... | ...  | ... |"
    );
}
