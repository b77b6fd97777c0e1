//! The log file: appended to, rotated by size, and never a reason to fail a run.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// How many rotated files are kept: `dbt.log.1` … `dbt.log.5`.
const KEPT: usize = 5;

/// An open log file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    /// Bytes; 0: never rotated.
    max: u64,
}

impl LogFile {
    /// Opens `<folder>/dbt.log`, creating the folder.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn open(folder: &Path, max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("dbt.log");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size, max })
    }

    /// Writes one line. Errors are dropped: a full disk must not stop a run.
    pub fn write_line(&mut self, line: &str) {
        if self.max > 0 && self.size + line.len() as u64 > self.max {
            self.rotate();
        }
        if writeln!(self.file, "{line}").is_ok() {
            self.size += line.len() as u64 + 1;
        }
    }

    fn rotate(&mut self) {
        let numbered = |number: usize| PathBuf::from(format!("{}.{number}", self.path.display()));
        for number in (1..KEPT).rev() {
            let _ = fs::rename(numbered(number), numbered(number + 1));
        }
        if fs::rename(&self.path, numbered(1)).is_ok()
            && let Ok(file) = OpenOptions::new().create(true).append(true).open(&self.path)
        {
            self.file = file;
            self.size = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_file_is_rotated_and_five_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::open(folder.path(), 20).unwrap();
        for number in 0..20 {
            log.write_line(&format!("a long line {number}"));
        }
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 6);
        assert!(fs::read_to_string(folder.path().join("dbt.log.1")).unwrap().contains("line 18"));
    }
}
