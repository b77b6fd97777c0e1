//! The stores that stages are in: which request puts a file there, and which one asks whether it is there.

use aws_lc_rs::hmac;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{super::http::Http, seal::Seal};
use crate::engine::EngineError;

/// Where a stage is.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageInfo {
    location_type: String,
    /// `bucket/folder/`, or a folder of this machine.
    location: String,
    region: Option<String>,
    storage_account: Option<String>,
    end_point: Option<String>,
    pub presigned_url: Option<String>,
    creds: Option<Map<String, Value>>,
}

impl std::fmt::Debug for StageInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StageInfo({} {})", self.location_type, self.location)
    }
}

impl StageInfo {
    fn credential(&self, key: &str) -> Option<&str> {
        self.creds.as_ref()?.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// The token for Google's store.
    pub fn token(&self) -> Option<&str> {
        self.credential("GCS_ACCESS_TOKEN")
    }
}

/// A store with what it takes to write there.
pub enum Store {
    /// An address that is good for one file.
    Address(String),
    Google {
        base: String,
        token: String,
    },
    Azure {
        base: String,
        signature: String,
    },
    Amazon(Amazon),
    Folder(String),
}

pub struct Amazon {
    base: String,
    host: String,
    /// Begins with a slash.
    folder: String,
    region: String,
    key_id: String,
    secret: String,
    token: Option<String>,
}

impl Store {
    /// # Errors
    /// A kind of store that is not known, or one without what it takes.
    pub fn of(info: &StageInfo) -> Result<Self, EngineError> {
        let (bucket, folder) = info.location.split_once('/').unwrap_or((&info.location, ""));
        let incomplete = || EngineError::Unsupported {
            feature: format!("PUT to a stage in `{}`", info.location_type),
            help: Some("the server's answer lacks what it takes to write there".into()),
        };
        let end = info.end_point.as_deref().filter(|end| !end.is_empty());
        Ok(match info.location_type.to_uppercase().as_str() {
            "LOCAL_FS" => Self::Folder(info.location.clone()),
            "GCS" => match (info.token(), &info.presigned_url) {
                (Some(token), _) => Self::Google {
                    base: format!("https://{}/{}", end.unwrap_or("storage.googleapis.com"), encoded(&info.location)),
                    token: token.to_owned(),
                },
                (None, Some(url)) => Self::Address(url.clone()),
                (None, None) => return Err(incomplete()),
            },
            "AZURE" => {
                let account = info.storage_account.as_deref().ok_or_else(incomplete)?;
                let signature = info.credential("AZURE_SAS_TOKEN").ok_or_else(incomplete)?;
                Self::Azure {
                    base: format!(
                        "https://{account}.blob.{}/{}",
                        end.unwrap_or("core.windows.net"),
                        encoded(&info.location)
                    ),
                    signature: signature.trim_start_matches('?').to_owned(),
                }
            }
            "S3" => {
                let region = info.region.as_deref().unwrap_or("us-east-1");
                let china = if region.starts_with("cn-") { ".cn" } else { "" };
                let host = match end {
                    Some(end) => format!("{bucket}.{end}"),
                    None => format!("{bucket}.s3.{region}.amazonaws.com{china}"),
                };
                Self::Amazon(Amazon {
                    base: format!("https://{host}"),
                    host,
                    folder: format!("/{}", encoded(folder)),
                    region: region.to_owned(),
                    key_id: info.credential("AWS_KEY_ID").ok_or_else(incomplete)?.to_owned(),
                    secret: info.credential("AWS_SECRET_KEY").ok_or_else(incomplete)?.to_owned(),
                    token: info.credential("AWS_TOKEN").map(str::to_owned),
                })
            }
            _ => return Err(incomplete()),
        })
    }

    /// Whether a file of this name is there. At an address for one file that cannot be asked.
    pub async fn has(&self, http: &Http, name: &str) -> Result<bool, String> {
        match self {
            Self::Address(_) => Ok(false),
            Self::Folder(folder) => Ok(std::path::Path::new(folder).join(name).exists()),
            _ => {
                let (url, headers) = self.request("HEAD", name, b"", Vec::new())?;
                match http.object(Method::HEAD, &url, &headers, Bytes::new()).await? {
                    200..=299 => Ok(true),
                    404 => Ok(false),
                    status => Err(format!("the stage's store answers with HTTP status {status}")),
                }
            }
        }
    }

    /// Puts a file there.
    pub async fn put(
        &self,
        http: &Http,
        name: &str,
        content: Bytes,
        digest: &str,
        seal: Option<&Seal>,
    ) -> Result<(), String> {
        if let Self::Folder(folder) = self {
            let written = std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(std::path::Path::new(folder).join(name), &content));
            return written.map_err(|error| error.to_string());
        }
        let (url, headers) = self.request("PUT", name, &content, self.about(digest, seal))?;
        match http.object(Method::PUT, &url, &headers, content).await? {
            200..=299 => Ok(()),
            status => Err(format!("the stage's store answers with HTTP status {status}")),
        }
    }

    /// What is written beside a file.
    fn about(&self, digest: &str, seal: Option<&Seal>) -> Vec<(&'static str, String)> {
        let names = match self {
            Self::Amazon(_) => ["x-amz-meta-sfc-digest", "x-amz-meta-x-amz-matdesc", ""],
            Self::Azure { .. } => ["x-ms-meta-sfcdigest", "x-ms-meta-matdesc", "x-ms-meta-encryptiondata"],
            _ => ["x-goog-meta-sfc-digest", "x-goog-meta-matdesc", "x-goog-meta-encryptiondata"],
        };
        let [digest_name, description_name, seal_name] = names;
        let mut about = vec![(digest_name, digest.to_owned())];
        if matches!(self, Self::Azure { .. }) {
            about.push(("x-ms-blob-type", "BlockBlob".to_owned()));
        }
        let Some(seal) = seal else { return about };
        about.push((description_name, seal.description.clone()));
        if seal_name.is_empty() {
            about.push(("x-amz-meta-x-amz-key", seal.key.clone()));
            about.push(("x-amz-meta-x-amz-iv", seal.iv.clone()));
        } else {
            let data = json!({
                "EncryptionMode": "FullBlob",
                "WrappedContentKey": {"KeyId": "symmKey1", "EncryptedKey": seal.key, "Algorithm": "AES_CBC_256"},
                "EncryptionAgent": {"Protocol": "1.0", "EncryptionAlgorithm": "AES_CBC_128"},
                "ContentEncryptionIV": seal.iv,
                "KeyWrappingMetadata": {"EncryptionLibrary": "Java 5.3.0"},
            });
            about.push((seal_name, data.to_string()));
        }
        about
    }

    fn request(
        &self,
        method: &str,
        name: &str,
        content: &[u8],
        mut headers: Vec<(&'static str, String)>,
    ) -> Result<(String, HeaderMap), String> {
        let name = encoded(name);
        let url = match self {
            Self::Address(url) => url.clone(),
            Self::Folder(folder) => folder.clone(),
            Self::Google { base, token } => {
                headers.push(("authorization", format!("Bearer {token}")));
                format!("{base}{name}")
            }
            Self::Azure { base, signature } => {
                let url = format!("{base}{name}?{signature}");
                headers.push(("x-ms-version", "2021-08-06".to_owned()));
                url
            }
            Self::Amazon(amazon) => {
                let path = format!("{}{name}", amazon.folder);
                amazon.sign(method, &path, content, &mut headers, Utc::now());
                format!("{}{path}", amazon.base)
            }
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            let mut value = HeaderValue::from_str(value).map_err(|_| format!("the header {name} cannot be sent"))?;
            value.set_sensitive(*name == "authorization");
            map.insert(HeaderName::from_static(name), value);
        }
        Ok((url, map))
    }
}

impl Amazon {
    /// Signature version 4.
    fn sign(
        &self,
        method: &str,
        path: &str,
        content: &[u8],
        headers: &mut Vec<(&'static str, String)>,
        now: DateTime<Utc>,
    ) {
        let time = now.format("%Y%m%dT%H%M%SZ").to_string();
        let day = now.format("%Y%m%d").to_string();
        let hash = hexadecimal(&Sha256::digest(content));
        headers.push(("host", self.host.clone()));
        headers.push(("x-amz-content-sha256", hash.clone()));
        headers.push(("x-amz-date", time.clone()));
        headers.extend(self.token.clone().map(|token| ("x-amz-security-token", token)));
        headers.sort_unstable();
        let listed: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let request = format!("{method}\n{path}\n\n{listed}\n{names}\n{hash}");
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hexadecimal(&Sha256::digest(request)));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [day.as_str(), &self.region, "s3", "aws4_request"] {
            key = authenticated(&key, part);
        }
        let signature = hexadecimal(&authenticated(&key, &text));
        let value =
            format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}", self.key_id);
        headers.push(("authorization", value));
    }
}

fn authenticated(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path as it stands in an address: everything but letters, digits, `-_.~` and `/` by its bytes.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: "Signature Calculations for the Authorization Header", the S3 API reference.
    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let amazon = Amazon {
            base: String::new(),
            host: "examplebucket.s3.amazonaws.com".into(),
            folder: "/".into(),
            region: "us-east-1".into(),
            key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        let now = DateTime::parse_from_rfc3339("2013-05-24T00:00:00Z").unwrap().to_utc();
        let path = format!("/{}", encoded("test$file.text"));
        let mut headers = vec![
            ("date", "Fri, 24 May 2013 00:00:00 GMT".to_owned()),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
        ];
        amazon.sign("PUT", &path, b"Welcome to Amazon S3.", &mut headers, now);
        let (_, value) = headers.pop().unwrap();
        let expected = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
        assert!(value.ends_with(expected), "{value}");
    }

    #[test]
    fn each_store_has_its_address_and_its_headers() {
        let store = |info: Value| Store::of(&serde_json::from_value(info).unwrap());
        let seal = Seal { key: "k".into(), iv: "i".into(), description: "{}".into() };
        for (info, address, header) in [
            (
                json!({"locationType": "S3", "location": "sfc-b/st g/", "region": "eu-central-1",
                    "creds": {"AWS_KEY_ID": "id", "AWS_SECRET_KEY": "s", "AWS_TOKEN": "t"}}),
                "https://sfc-b.s3.eu-central-1.amazonaws.com/st%20g/a%20b.parquet",
                "x-amz-meta-x-amz-key",
            ),
            (
                json!({"locationType": "AZURE", "location": "box/st/", "storageAccount": "acc",
                    "endPoint": "core.windows.net", "creds": {"AZURE_SAS_TOKEN": "?sig=1"}}),
                "https://acc.blob.core.windows.net/box/st/a%20b.parquet?sig=1",
                "x-ms-meta-encryptiondata",
            ),
            (
                json!({"locationType": "GCS", "location": "box/st/", "creds": {"GCS_ACCESS_TOKEN": "tok"}}),
                "https://storage.googleapis.com/box/st/a%20b.parquet",
                "authorization",
            ),
            (
                json!({"locationType": "GCS", "location": "box/", "presignedUrl": "http://h/x?sig", "creds": null}),
                "http://h/x?sig",
                "x-goog-meta-sfc-digest",
            ),
        ] {
            let store = store(info).unwrap();
            let (url, headers) = store.request("PUT", "a b.parquet", b"", store.about("d", Some(&seal))).unwrap();
            assert_eq!(url, address);
            assert!(headers.contains_key(header), "{headers:?}");
        }
        let lacking = store(json!({"locationType": "S3", "location": "b/", "creds": {}}));
        assert!(lacking.is_err());
    }
}
