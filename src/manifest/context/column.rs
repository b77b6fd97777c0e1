//! Columns as values: `api.Column(…)`, and what `adapter.get_columns_in_relation` gives.

use std::any::Any;

use crate::jinja::{Args, ErrorKind, Interp, JinjaError, Object, Value};

use super::arguments::{bind, text};

/// A column of a relation: its name and its SQL type, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnObject {
    pub name: String,
    /// The type without size: `varchar`, `decimal`, `bigint`.
    pub dtype: String,
    pub char_size: Option<i64>,
    pub precision: Option<i64>,
    pub scale: Option<i64>,
    /// Whether it is of a warehouse where [`super::Shared::wide_types`].
    pub wide: bool,
}

/// The length of text that has none.
const TEXT: i64 = 256;
const WIDE_TEXT: i64 = 16_777_216;

impl ColumnObject {
    /// From a type as engines write it: `decimal(10,2)`, `varchar(20)`, `struct<a int>`.
    ///
    /// # Errors
    /// A size that is not a number.
    pub fn from_description(name: impl Into<String>, raw: &str, wide: bool) -> Result<Self, JinjaError> {
        let mut column = Self {
            name: name.into(),
            dtype: raw.trim().to_owned(),
            char_size: None,
            precision: None,
            scale: None,
            wide,
        };
        let Some((base, rest)) = raw.split_once('(') else { return Ok(column) };
        let Some((sizes, "")) = rest.trim_end().split_once(')') else { return Ok(column) };
        let number = |part: &str| {
            part.trim().parse::<i64>().map_err(|_| {
                JinjaError::new(
                    ErrorKind::Value,
                    format!(
                        "Could not interpret data_type \"{raw}\": could not convert \"{}\" to an integer",
                        part.trim()
                    ),
                )
            })
        };
        match sizes.split(',').collect::<Vec<_>>().as_slice() {
            [size] => column.char_size = Some(number(size)?),
            [precision, scale] => {
                column.precision = Some(number(precision)?);
                column.scale = Some(number(scale)?);
            }
            _ => return Ok(column),
        }
        column.dtype = base.trim().to_owned();
        Ok(column)
    }

    /// From a type that an engine reports; what cannot be taken apart stays whole.
    pub fn of_engine(name: &str, data_type: &str, wide: bool) -> Self {
        let upper = data_type.to_uppercase();
        let data_type = if wide { upper.as_str() } else { data_type };
        let plain = || Self {
            name: name.to_owned(),
            dtype: data_type.to_owned(),
            char_size: None,
            precision: None,
            scale: None,
            wide,
        };
        let sized = ["varchar", "character varying", "char", "character", "text", "decimal", "numeric", "number"];
        let base = data_type.split('(').next().unwrap_or("").trim().to_lowercase();
        if !sized.contains(&base.as_str()) {
            return plain();
        }
        Self::from_description(name, data_type, wide).unwrap_or_else(|_| plain())
    }

    pub fn into_value(self) -> Value {
        Value::object(self)
    }

    /// The column behind a value, if it is one.
    pub fn from_value(value: &Value) -> Option<&ColumnObject> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        names.contains(&self.dtype.to_lowercase().as_str())
    }

    pub fn is_string(&self) -> bool {
        self.is_one_of(&["text", "character varying", "character", "varchar"])
    }

    pub fn is_integer(&self) -> bool {
        !self.wide
            && self.is_one_of(&[
                "smallint",
                "integer",
                "bigint",
                "smallserial",
                "serial",
                "bigserial",
                "int2",
                "int4",
                "int8",
                "serial2",
                "serial4",
                "serial8",
                "int",
                "tinyint",
            ])
    }

    pub fn is_float(&self) -> bool {
        self.is_one_of(&["real", "float4", "float", "double precision", "float8", "double"])
    }

    pub fn is_numeric(&self) -> bool {
        const WIDE: [&str; 9] =
            ["number", "numeric", "decimal", "int", "integer", "bigint", "smallint", "tinyint", "byteint"];
        self.is_one_of(if self.wide { &WIDE } else { &["numeric", "decimal"] })
    }

    /// The type with its size, for DDL.
    pub fn data_type(&self) -> String {
        if self.is_string() {
            return string_type(self.size());
        }
        if self.is_numeric() {
            return numeric_type(&self.dtype, self.precision, self.scale);
        }
        match self.char_size {
            Some(size) => format!("{}({size})", self.dtype),
            None => self.dtype.clone(),
        }
    }

    fn size(&self) -> i64 {
        match self.char_size {
            Some(size) if self.dtype != "text" => size,
            _ if self.wide => WIDE_TEXT,
            _ => TEXT,
        }
    }

    fn string_size(&self) -> Result<i64, JinjaError> {
        if self.is_string() {
            return Ok(self.size());
        }
        Err(JinjaError::new(ErrorKind::Value, "Called string_size() on non-string field!"))
    }

    /// Whether this text column is narrower than `other`.
    pub fn can_expand_to(&self, other: &ColumnObject) -> bool {
        self.is_string() && other.is_string() && other.size() > self.size()
    }

    fn method(&self, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        Some(match name {
            "is_string" => Ok(self.is_string().into()),
            "is_number" => Ok((self.is_integer() || self.is_float() || self.is_numeric()).into()),
            "is_integer" => Ok(self.is_integer().into()),
            "is_float" => Ok(self.is_float().into()),
            "is_numeric" => Ok(self.is_numeric().into()),
            "string_size" => self.string_size().map(Value::from),
            "can_expand_to" => self.expands(args).map(Value::from),
            "literal" => bind(args, "literal", &["value"])
                .and_then(|bound| bound.required_text("value"))
                .map(|value| format!("{value}::{}", self.data_type()).into()),
            "to_column_dict" => {
                Ok(super::arguments::dict([("name", self.name.clone().into()), ("dtype", self.dtype.clone().into())]))
            }
            _ => return class_method(name, args, self.wide),
        })
    }

    fn expands(&self, args: Args) -> Result<bool, JinjaError> {
        let bound = bind(args, "can_expand_to", &["other_column"])?;
        let other = bound.required("other_column")?;
        match ColumnObject::from_value(&other) {
            Some(other) => Ok(self.can_expand_to(other)),
            None => Err(JinjaError::type_error("can_expand_to() takes a column")),
        }
    }
}

impl Object for ColumnObject {
    fn type_name(&self) -> &'static str {
        "Column"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        Some(match name {
            "name" | "column" => self.name.clone().into(),
            "dtype" => self.dtype.clone().into(),
            "data_type" | "expanded_data_type" => self.data_type().into(),
            "char_size" => self.char_size.into(),
            "numeric_precision" => self.precision.into(),
            "numeric_scale" => self.scale.into(),
            "quoted" => format!("\"{}\"", self.name).into(),
            "TYPE_LABELS" => super::arguments::dict([("STRING", "TEXT".into())]),
            _ => return None,
        })
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        self.method(name, args)
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn to_repr(&self) -> String {
        format!("<Column {} ({})>", self.name, self.data_type())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<ColumnObject>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `api.Column`, `adapter.Column`: the class.
#[derive(Debug)]
pub struct ColumnClass {
    /// Whether [`super::Shared::wide_types`].
    pub wide: bool,
}

impl Object for ColumnClass {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "Column", &["column", "dtype", "char_size", "numeric_precision", "numeric_scale"])?;
        let number = |name: &str| match bound.get(name) {
            Some(Value::Int(number)) => Some(*number),
            Some(other) => text(other).and_then(|text| text.parse().ok()),
            None => None,
        };
        Ok(ColumnObject {
            name: bound.required_text("column")?,
            dtype: bound.required_text("dtype")?,
            char_size: number("char_size"),
            precision: number("numeric_precision"),
            scale: number("numeric_scale"),
            wide: self.wide,
        }
        .into_value())
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        (name == "TYPE_LABELS").then(|| super::arguments::dict([("STRING", "TEXT".into())]))
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        class_method(name, args, self.wide)
    }

    fn to_repr(&self) -> String {
        "<class 'Column'>".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// dbt's name of a type that templates may use on every adapter.
pub fn translate_type(label: &str) -> String {
    if label.eq_ignore_ascii_case("string") { "TEXT".to_owned() } else { label.to_owned() }
}

fn string_type(size: i64) -> String {
    format!("character varying({size})")
}

fn numeric_type(dtype: &str, precision: Option<i64>, scale: Option<i64>) -> String {
    match (precision, scale) {
        (Some(precision), Some(scale)) => format!("{dtype}({precision},{scale})"),
        _ => dtype.to_owned(),
    }
}

fn class_method(name: &str, args: Args, wide: bool) -> Option<Result<Value, JinjaError>> {
    Some(match name {
        "translate_type" => bind(args, "translate_type", &["dtype"])
            .and_then(|bound| bound.required_text("dtype"))
            .map(|dtype| translate_type(&dtype).into()),
        "create" => bind(args, "create", &["name", "label_or_dtype"]).and_then(|bound| {
            Ok(ColumnObject {
                name: bound.required_text("name")?,
                dtype: translate_type(&bound.required_text("label_or_dtype")?),
                char_size: None,
                precision: None,
                scale: None,
                wide,
            }
            .into_value())
        }),
        "string_type" => bind(args, "string_type", &["size"])
            .and_then(|bound| bound.required_text("size"))
            .map(|size| format!("character varying({size})").into()),
        "numeric_type" => bind(args, "numeric_type", &["dtype", "precision", "scale"]).and_then(|bound| {
            let dtype = bound.required_text("dtype")?;
            Ok(match (bound.text("precision"), bound.text("scale")) {
                (Some(precision), Some(scale)) => format!("{dtype}({precision},{scale})").into(),
                _ => dtype.into(),
            })
        }),
        "from_description" => bind(args, "from_description", &["name", "raw_data_type"]).and_then(|bound| {
            let column = ColumnObject::from_description(
                bound.required_text("name")?,
                &bound.required_text("raw_data_type")?,
                wide,
            )?;
            Ok(column.into_value())
        }),
        _ => return None,
    })
}
