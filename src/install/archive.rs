//! Unpacks the archive of a package into an empty folder, and nowhere else.
//!
//! Only files and folders are made: a link to a file of the archive becomes a copy of that file, and a link to a folder or to
//! nothing is left out, since published packages have some in their tests. A path or a link that leaves the folder, a device,
//! and an archive of absurd size are refused as a whole. Bytes are counted as they come out, so that a small archive cannot
//! fill the disk.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

/// What an archive may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub bytes: u64,
    pub entries: usize,
}

pub(super) const LIMITS: Limits = Limits { bytes: 1024 * 1024 * 1024, entries: 100_000 };

/// Unpacks a gzipped tar into `folder`, and returns the one folder at its top.
///
/// # Errors
/// Why the archive is refused; `folder` may then hold a part of it.
pub(super) fn unpack(archive: impl Read, folder: &Path, limits: Limits) -> Result<PathBuf, String> {
    let broken = |error: io::Error| format!("it cannot be read: {error}");
    // One byte more than allowed, so that the end can be told from the limit. Headers count too.
    let room = limits.bytes.saturating_add(1);
    let mut archive = Archive::new(GzDecoder::new(archive).take(room));
    let mut top: Option<PathBuf> = None;
    let mut bytes = 0_u64;
    let mut links: Vec<(PathBuf, PathBuf)> = Vec::new();
    for (index, entry) in archive.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(|error| too_large(bytes, limits).unwrap_or_else(|| broken(error)))?;
        if index >= limits.entries {
            return Err(format!("it has more than {} entries", limits.entries));
        }
        let written = entry.path().map_err(broken)?.into_owned();
        let shown = written.display().to_string();
        let kind = entry.header().entry_type();
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
            EntryType::Symlink | EntryType::Link => {}
            EntryType::XGlobalHeader | EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => continue,
            _ => return Err(format!("`{shown}` is neither a file nor a folder")),
        }
        let path = inner(&written).ok_or_else(|| format!("the path `{shown}` leads out of it"))?;
        let Some(first) = path.components().next() else { continue };
        let first = PathBuf::from(first.as_os_str());
        if *top.get_or_insert_with(|| first.clone()) != first {
            return Err("it must have exactly one folder at its top".to_owned());
        }
        if kind.is_symlink() || kind.is_hard_link() {
            let to = entry.link_name().map_err(broken)?.unwrap_or_default();
            // A hard link counts from the top of the archive.
            let base = path.parent().filter(|_| kind.is_symlink()).map(Path::to_path_buf).unwrap_or_default();
            let to = follow(base, &to).ok_or_else(|| format!("the link `{shown}` leads out of it"))?;
            links.push((path, to));
            continue;
        }
        let target = folder.join(&path);
        let failed = |error: io::Error| format!("`{shown}` cannot be written: {error}");
        if kind == EntryType::Directory {
            fs::create_dir_all(&target).map_err(failed)?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        bytes = bytes.saturating_add(entry.size());
        if let Some(refused) = too_large(bytes, limits) {
            return Err(refused);
        }
        // Never through something that is there already.
        let mut file = File::create_new(&target).map_err(failed)?;
        io::copy(&mut entry, &mut file).map_err(failed)?;
    }
    copy_links(folder, &links, bytes, limits)?;
    let top = top.ok_or("it is empty")?;
    let top = folder.join(top);
    if top.is_dir() { Ok(top) } else { Err("it must have exactly one folder at its top".to_owned()) }
}

/// Gives each link that leads to a file of the archive that file's content. `bytes` were unpacked before.
fn copy_links(folder: &Path, links: &[(PathBuf, PathBuf)], mut bytes: u64, limits: Limits) -> Result<(), String> {
    for (link, to) in links {
        let (link, to) = (folder.join(link), folder.join(to));
        let file = fs::symlink_metadata(&to).ok().filter(fs::Metadata::is_file);
        let (Some(file), Some(parent), Err(_)) = (file, link.parent(), fs::symlink_metadata(&link)) else { continue };
        bytes = bytes.saturating_add(file.len());
        if let Some(refused) = too_large(bytes, limits) {
            return Err(refused);
        }
        fs::create_dir_all(parent)
            .and_then(|()| fs::copy(&to, &link))
            .map_err(|error| format!("`{}` cannot be written: {error}", link.display()))?;
    }
    Ok(())
}

fn too_large(bytes: u64, limits: Limits) -> Option<String> {
    (bytes > limits.bytes).then(|| format!("it unpacks to more than {} MB", limits.bytes / (1024 * 1024)))
}

/// The path without `.`; `None` when it is absolute or has `..`.
fn inner(path: &Path) -> Option<PathBuf> {
    let mut inner = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => {
                // Names that mean something else on another system.
                if name.to_string_lossy().contains(['\\', ':', '\0']) {
                    return None;
                }
                inner.push(name);
            }
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(inner)
}

/// Where a link in the folder `base` leads; `None` when that is outside of the archive.
fn follow(mut base: PathBuf, link: &Path) -> Option<PathBuf> {
    for part in link.components() {
        match part {
            Component::Normal(name) => base.push(name),
            Component::CurDir => {}
            Component::ParentDir if base.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(base)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};

    use super::*;

    type Entry<'a> = (&'a str, EntryType, &'a [u8]);

    /// A gzipped tar of entries; paths are written as they are, however wrong. The content of a link is where it leads.
    fn packed(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            let mut content = *content;
            if matches!(*kind, EntryType::Symlink | EntryType::Link) {
                header.set_link_name(std::str::from_utf8(content).unwrap()).unwrap();
                header.set_size(0);
                content = b"";
            }
            header.set_cksum();
            builder.append(&header, content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn an_archive_is_unpacked_below_its_top_folder() {
        let folder = tempfile::tempdir().unwrap();
        let archive = packed(&[
            ("pkg-1.0/", EntryType::Directory, b""),
            ("pkg-1.0/dbt_project.yml", EntryType::Regular, b"name: pkg"),
            ("pkg-1.0/tests/b.sql", EntryType::Symlink, b"../macros/a.sql"),
            ("pkg-1.0/c.sql", EntryType::Link, b"pkg-1.0/macros/a.sql"),
            ("pkg-1.0/tests/packages/pkg", EntryType::Symlink, b"../.."),
            ("pkg-1.0/nothing", EntryType::Symlink, b"missing"),
            ("./pkg-1.0/macros/a.sql", EntryType::Regular, b"x"),
        ]);
        let top = unpack(archive.as_slice(), folder.path(), LIMITS).unwrap();
        assert_eq!(top, folder.path().join("pkg-1.0"));
        for file in ["macros/a.sql", "tests/b.sql", "c.sql"] {
            assert_eq!(fs::read_to_string(top.join(file)).unwrap(), "x", "{file}");
            assert!(fs::symlink_metadata(top.join(file)).unwrap().is_file(), "{file} is a link");
        }
        for left_out in ["tests/packages/pkg", "nothing"] {
            assert!(fs::symlink_metadata(top.join(left_out)).is_err(), "{left_out}");
        }
    }

    #[test]
    fn an_archive_that_would_do_harm_is_refused() {
        let small = Limits { bytes: 4096, entries: 3 };
        let big = vec![0_u8; 5000];
        let file = EntryType::Regular;
        let cases: &[(&[Entry<'_>], &str)] = &[
            (&[("p/../../evil", file, b"x")], "leads out of it"),
            (&[("/etc/evil", file, b"x")], "leads out of it"),
            (&[("p/c:evil", file, b"x")], "leads out of it"),
            (&[("p/link", EntryType::Symlink, b"/etc/passwd")], "the link `p/link` leads out of it"),
            (&[("p/link", EntryType::Symlink, b"../../x")], "the link `p/link` leads out of it"),
            (&[("p/link", EntryType::Link, b"../x")], "the link `p/link` leads out of it"),
            (
                &[("p/a", file, &big[..1400]), ("p/b", EntryType::Link, b"p/a"), ("p/c", EntryType::Link, b"p/a")],
                "unpacks to more than",
            ),
            (&[("p/device", EntryType::Char, b"")], "neither a file nor a folder"),
            (&[("p/a", file, b"x"), ("q/b", file, b"x")], "exactly one folder"),
            (&[("p", file, b"x")], "exactly one folder"),
            (&[("p/a", file, &big)], "unpacks to more than"),
            (&[("p/a", file, b""), ("p/b", file, b""), ("p/c", file, b""), ("p/d", file, b"")], "more than 3 entries"),
            (&[("p/a", file, b"1"), ("p/a", file, b"2")], "cannot be written"),
            (&[], "is empty"),
        ];
        for (entries, expected) in cases {
            let outside = tempfile::tempdir().unwrap();
            let folder = outside.path().join("in");
            fs::create_dir(&folder).unwrap();
            let refused = unpack(packed(entries).as_slice(), &folder, small).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "{expected}: something was written outside");
        }
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&vec![0_u8; 1_000_000]).unwrap();
        for broken in [&b"not a gzip"[..], &bomb.finish().unwrap()] {
            let folder = tempfile::tempdir().unwrap();
            assert!(unpack(broken, folder.path(), small).is_err());
        }
    }
}
