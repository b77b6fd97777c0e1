//! From a path as written to the files that it means.

use std::{path::Path, sync::Arc};

use datafusion::{
    datasource::listing::ListingTableUrl,
    execution::object_store::ObjectStoreUrl,
    object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path as StorePath},
    prelude::SessionContext,
};
use futures::TryStreamExt;

use super::{ExternalOptions, glob};
use crate::engine::EngineError;

/// One data file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub meta: ObjectMeta,
    /// The path below the project, or the whole path outside of it: where partition folders are looked for.
    pub relative: String,
    /// The path as errors show it.
    pub shown: String,
}

/// Files of one store.
#[derive(Debug)]
pub(super) struct Listed {
    pub store_url: ObjectStoreUrl,
    pub store: Arc<dyn ObjectStore>,
    pub files: Vec<File>,
}

/// A path made absolute.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub written: String,
    /// An absolute path, or a URL.
    pub full: String,
    pub is_url: bool,
}

pub(super) fn resolve(written: &str, options: &ExternalOptions) -> Resolved {
    let is_url = written.contains("://") && !written.starts_with("file://");
    let path = written.strip_prefix("file://").unwrap_or(written);
    let full = if is_url {
        written.to_owned()
    } else {
        let joined = options.project_root.join(path.strip_prefix("./").unwrap_or(path));
        let absolute = std::path::absolute(&joined).unwrap_or(joined);
        // A trailing slash says folder and is lost in joining.
        let slash = if path.ends_with('/') { "/" } else { "" };
        format!("{}{slash}", normal(&absolute))
    };
    Resolved { written: written.to_owned(), full, is_url }
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> String {
    let mut segments: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            std::path::Component::ParentDir => {
                segments.pop();
            }
            std::path::Component::Normal(segment) => segments.push(segment.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    format!("/{}", segments.join("/"))
}

/// Lists what the paths mean, in a stable order.
///
/// # Errors
/// When a path means no file, naming it as written and as resolved.
pub(super) async fn list(
    ctx: &SessionContext,
    paths: &[String],
    options: &ExternalOptions,
) -> Result<Listed, EngineError> {
    let mut listed: Option<Listed> = None;
    for written in paths {
        let resolved = resolve(written, options);
        let (store_url, store, root) = store(ctx, &resolved)?;
        let mut files = files_of(store.as_ref(), &resolved, &root, options).await?;
        files.sort_by(|left, right| left.meta.location.cmp(&right.meta.location));
        match &mut listed {
            None => listed = Some(Listed { store_url, store, files }),
            Some(listed) if listed.store_url == store_url => listed.files.extend(files),
            Some(_) => {
                return Err(EngineError::Unsupported {
                    feature: "one source over several object stores".to_owned(),
                    help: Some("use `union all`".to_owned()),
                });
            }
        }
    }
    listed.ok_or_else(|| EngineError::Internal { message: "a source without a path".to_owned() })
}

/// The store of a path, and the path's root within it: `/`, or `scheme://bucket/`.
fn store(
    ctx: &SessionContext,
    resolved: &Resolved,
) -> Result<(ObjectStoreUrl, Arc<dyn ObjectStore>, String), EngineError> {
    let root = if resolved.is_url {
        let scheme_end = resolved.full.find("://").map_or(0, |at| at + 3);
        let host_end = resolved
            .full
            .get(scheme_end..)
            .and_then(|rest| rest.find('/'))
            .map_or(resolved.full.len(), |at| scheme_end + at);
        format!("{}/", resolved.full.get(..host_end).unwrap_or_default())
    } else {
        "/".to_owned()
    };
    let not_there = |message: String| EngineError::Storage {
        context: format!("cannot read `{}`", resolved.written),
        message,
        path: None,
    };
    let url = ListingTableUrl::parse(if resolved.is_url { root.as_str() } else { "file:///" })
        .map_err(|error| not_there(error.strip_backtrace()))?;
    let store = ctx.runtime_env().object_store(&url).map_err(|error| not_there(error.strip_backtrace()))?;
    Ok((url.object_store(), store, root))
}

async fn files_of(
    store: &dyn ObjectStore,
    resolved: &Resolved,
    root: &str,
    options: &ExternalOptions,
) -> Result<Vec<File>, EngineError> {
    let project = format!("{}/", normal(&options.project_root));
    let file = |meta: ObjectMeta| {
        let full = format!("{root}{}", meta.location);
        let relative = full.strip_prefix(&project).filter(|_| !resolved.is_url).unwrap_or(&full).to_owned();
        File { shown: relative.clone(), relative, meta }
    };
    let failed = |error: datafusion::object_store::Error| EngineError::Storage {
        context: format!("cannot list `{}`", resolved.written),
        message: error.to_string(),
        path: None,
    };
    let within = |full: &str| full.strip_prefix(root).unwrap_or(full).to_owned();
    if glob::is_glob(&resolved.full) {
        let prefix = within(glob::fixed_prefix(&resolved.full));
        let patterns: Vec<String> = glob::expand_braces(&within(&resolved.full));
        let found = all_below(store, &prefix).await.map_err(failed)?;
        let matching: Vec<File> = found
            .into_iter()
            .filter(|meta| patterns.iter().any(|pattern| glob::matches(pattern, meta.location.as_ref())))
            .map(file)
            .collect();
        return if matching.is_empty() { Err(missing(resolved, "no file matches")) } else { Ok(matching) };
    }
    let path = within(resolved.full.trim_end_matches('/'));
    if !resolved.full.ends_with('/')
        && let Ok(meta) = store.head(&store_path(&path)).await
    {
        return Ok(vec![file(meta)]);
    }
    let found = all_below(store, &path).await.map_err(failed)?;
    let data: Vec<File> = found.into_iter().filter(|meta| is_data(meta.location.as_ref(), &path)).map(file).collect();
    if !data.is_empty() {
        return Ok(data);
    }
    let folder = !resolved.is_url && Path::new(&resolved.full).is_dir();
    Err(missing(resolved, if folder { "the folder has no data files" } else { "no such file or folder" }))
}

async fn all_below(store: &dyn ObjectStore, prefix: &str) -> datafusion::object_store::Result<Vec<ObjectMeta>> {
    let prefix = store_path(prefix);
    store.list(Some(&prefix)).try_collect().await
}

fn store_path(path: &str) -> StorePath {
    StorePath::parse(path).unwrap_or_else(|_| StorePath::from(path))
}

/// Writers leave `_SUCCESS`, `_temporary/…` and hidden files beside the data.
fn is_data(location: &str, prefix: &str) -> bool {
    let below = location.strip_prefix(prefix).unwrap_or(location);
    !below.split('/').any(|segment| segment.starts_with(['_', '.']) && !segment.contains('='))
}

fn missing(resolved: &Resolved, what: &str) -> EngineError {
    EngineError::Storage {
        context: format!("cannot read `{}`", resolved.written),
        message: if resolved.full == resolved.written {
            what.to_owned()
        } else {
            format!("{what} (`{}`)", resolved.full)
        },
        path: None,
    }
}
