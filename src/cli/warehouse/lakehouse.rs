//! The settings of the embedded lakehouse, from the profile.

use std::{path::PathBuf, sync::Arc};

use crate::{
    cli::CommandError,
    diagnostic::Diagnostic,
    engine::{
        Engine,
        datafusion::{Dialect, LakehouseConfig, open as open_lakehouse},
    },
    jinja::Value,
    project::{Profile, Project},
};

pub async fn open(project: &Project, run_id: &str) -> Result<Arc<dyn Engine>, CommandError> {
    let profile = project.profile.as_ref().ok_or_else(|| Diagnostic::error("profile", "no profile was found"))?;
    let path = profile.text("path").unwrap_or("warehouse");
    let config = LakehouseConfig {
        path: absolute(project, path),
        database: profile.database.clone().unwrap_or_else(|| "tamis".into()),
        schema: profile.schema.clone(),
        project_root: project.root.clone(),
        memory_limit: memory_limit(profile)?,
        threads: profile.threads,
        databases: databases(project, profile)?,
        dialect: if profile.adapter_type == "snowflake" { Dialect::Snowflake } else { Dialect::Generic },
        run_id: run_id.to_owned(),
    };
    Ok(open_lakehouse(config).await?)
}

/// A relative path starts at the project root.
fn absolute(project: &Project, path: &str) -> PathBuf {
    project.root.join(path)
}

fn wrong(profile: &Profile, key: &str, message: String) -> CommandError {
    let diagnostic = Diagnostic::error("profile-setting", message);
    match profile.spans.get(key) {
        Some(span) => diagnostic.at(*span, "").into(),
        None => diagnostic.into(),
    }
}

/// `2GB`, `512 MiB`, or a number of bytes.
fn memory_limit(profile: &Profile) -> Result<Option<u64>, CommandError> {
    let value = match profile.settings.get("memory_limit") {
        None | Some(Value::None) => return Ok(None),
        Some(value) => value,
    };
    let text = value.to_str();
    let bytes = parse_bytes(&text).filter(|bytes| *bytes >= 64 << 20);
    bytes.map(Some).ok_or_else(|| {
        let message = format!("`memory_limit` must be a size of at least 64MB, like `2GB`, found `{text}`");
        wrong(profile, "memory_limit", message)
    })
}

fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let factor: f64 = match unit.trim().to_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "digits only, and below 2^63")]
    (bytes < 9e18).then_some(bytes as u64)
}

/// `databases: {name: path}`: other warehouses, attached.
fn databases(project: &Project, profile: &Profile) -> Result<Vec<(String, PathBuf)>, CommandError> {
    let value = match profile.settings.get("databases") {
        None | Some(Value::None) => return Ok(Vec::new()),
        Some(value) => value,
    };
    let pairs = value.pairs().ok_or_else(|| {
        wrong(profile, "databases", format!("`databases` must map names to paths, found `{}`", value.to_str()))
    })?;
    Ok(pairs.into_iter().map(|(name, path)| (name.to_str(), absolute(project, &path.to_str()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, expected) in [
            ("2GB", Some(2_000_000_000)),
            ("512 MiB", Some(536_870_912)),
            ("1.5g", Some(1_500_000_000)),
            ("99", Some(99)),
            ("2 cups", None),
            ("", None),
        ] {
            assert_eq!(parse_bytes(text), expected, "{text}");
        }
    }
}
