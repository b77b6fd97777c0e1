//! The parts of a large result: fetched a few ahead, given in order, asked for again where their addresses have expired.

use futures::StreamExt;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{
    http::Http,
    pool::Connection,
    query::{Failure, result_of},
    wire::QueryData,
};
use crate::engine::EngineError;

/// How many parts are on their way at once; each is some ten megabytes.
const AHEAD: usize = 3;

/// Calls `each` with every part, in order, until it says that it has enough.
pub async fn each(
    http: &Http,
    connection: &Connection,
    data: &QueryData,
    mut each: impl FnMut(Vec<u8>) -> Result<bool, EngineError>,
) -> Result<(), Failure> {
    let headers = headers(data);
    let failed = |error: EngineError| Failure { error, query_id: data.query_id.clone() };
    let fetch = |at: usize| {
        let (headers, url) = (&headers, data.chunks.get(at).map_or("", |chunk| chunk.url.as_str()));
        async move {
            match http.chunk(url, headers).await? {
                Some(body) => Ok(body),
                None => again(http, connection, data, at).await,
            }
        }
    };
    let mut parts = futures::stream::iter(0..data.chunks.len()).map(fetch).buffered(AHEAD);
    while let Some(part) = parts.next().await {
        if !each(part.map_err(failed)?).map_err(failed)? {
            break;
        }
    }
    Ok(())
}

/// A part whose address has expired, from a fresh address.
async fn again(http: &Http, connection: &Connection, data: &QueryData, at: usize) -> Result<Vec<u8>, EngineError> {
    let lost = || EngineError::Storage {
        context: "a part of the result cannot be fetched".into(),
        message: "its address has expired, and the server gives no other".into(),
        path: None,
    };
    let query_id = data.query_id.as_deref().ok_or_else(lost)?;
    let fresh = result_of(http, connection, query_id).await.map_err(|failure| failure.error)?;
    let url = &fresh.chunks.get(at).ok_or_else(lost)?.url;
    http.chunk(url, &headers(&fresh)).await?.ok_or_else(lost)
}

fn headers(data: &QueryData) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &data.chunk_headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let (true, Some(key)) = (headers.is_empty(), &data.qrmk)
        && let Ok(key) = HeaderValue::from_str(key)
    {
        headers.insert("x-amz-server-side-encryption-customer-algorithm", HeaderValue::from_static("AES256"));
        headers.insert("x-amz-server-side-encryption-customer-key", key);
    }
    headers
}
