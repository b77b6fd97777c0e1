//! The files that a PUT names, and their content.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flate2::{Compression, read::GzEncoder};

use crate::engine::EngineError;

/// Ends of names of files that are compressed in themselves.
const PACKED: [&str; 9] = ["gz", "bz2", "br", "zst", "deflate", "raw_deflate", "parquet", "orc", "avro"];

/// The files that fit the patterns, sorted, each once. `*` and `?` stand for parts of a name.
pub fn expanded(patterns: &[String]) -> Result<Vec<PathBuf>, EngineError> {
    let mut found = Vec::new();
    for pattern in patterns {
        let path = pattern.strip_prefix("file://").unwrap_or(pattern);
        let mut places = vec![PathBuf::new()];
        for part in Path::new(path).components() {
            let name = part.as_os_str().to_string_lossy();
            places = if name.contains(['*', '?']) {
                places.iter().flat_map(|place| inside(place, &name)).collect()
            } else {
                places.into_iter().map(|place| place.join(&*name)).collect()
            };
        }
        found.extend(places.into_iter().filter(|place| place.is_file()));
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        return Err(EngineError::Storage {
            context: "nothing can be put on the stage".into(),
            message: format!("no file of this machine fits `{}`", patterns.join("`, `")),
            path: None,
        });
    }
    Ok(found)
}

fn inside(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| fits(&entry.file_name().to_string_lossy(), pattern)).map(|entry| entry.path()).collect()
}

/// Whether a name fits a pattern. Linear: only the last `*` is come back to.
fn fits(name: &str, pattern: &str) -> bool {
    let (name, pattern): (Vec<char>, Vec<char>) = (name.chars().collect(), pattern.chars().collect());
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(wanted) if *wanted == '?' || name.get(at) == Some(wanted) => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((back, from)) = star else { return false };
                star = Some((back, from + 1));
                (at, of) = (from + 1, back + 1);
            }
        }
    }
    pattern.iter().skip(of).all(|rest| *rest == '*')
}

/// Whether a file is sent as it is because it is compressed already.
pub fn is_packed(name: &str, declared: Option<&str>) -> bool {
    match declared.map(str::to_lowercase).as_deref() {
        None | Some("auto_detect" | "auto") => {
            let end = name.rsplit_once('.').map_or("", |(_, end)| end).to_lowercase();
            PACKED.contains(&end.as_str())
        }
        Some("none") => false,
        Some(_) => true,
    }
}

pub fn read(path: &Path, pack: bool) -> io::Result<Vec<u8>> {
    let content = fs::read(path)?;
    if !pack {
        return Ok(content);
    }
    let mut packed = Vec::new();
    io::copy(&mut GzEncoder::new(content.as_slice(), Compression::default()), &mut packed)?;
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["h=1/a.parquet", "h=2/a.parquet", "h=2/b.parquet", "h=2/note.txt", "x/a.parquet"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let names = |pattern: &str| {
            let found = expanded(&[format!("{}/{pattern}", folder.path().display())])?;
            let short = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            Ok::<_, EngineError>(found.iter().map(short).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(names("h=*/*.parquet").unwrap(), "h=1/a.parquet h=2/a.parquet h=2/b.parquet");
        assert_eq!(names("?/a.parquet").unwrap(), "x/a.parquet");
        assert_eq!(names("h=2/note.txt").unwrap(), "h=2/note.txt");
        assert!(names("*.csv").unwrap_err().to_string().contains("no file of this machine fits"));
    }

    #[test]
    fn what_is_compressed_is_not_compressed_again() {
        for (name, declared, expected) in [
            ("a.csv", Some("auto_detect"), false),
            ("a.csv.GZ", None, true),
            ("a.parquet", Some("AUTO_DETECT"), true),
            ("a.gz", Some("none"), false),
            ("a.csv", Some("gzip"), true),
        ] {
            assert_eq!(is_packed(name, declared), expected, "{name} {declared:?}");
        }
    }
}
