//! The files of one bot: what it uploaded, and what a test put there for it to download.
//! Owns their bytes, up to a bound.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::json::Object;

/// Most bytes kept of one bot's files; then the oldest are forgotten, and their ids become invalid.
const MAX_BYTES: usize = 64 << 20;
/// Most files kept of one bot.
const MAX_FILES: usize = 10_000;
/// Folder of every file path.
const FOLDER: &str = "documents/";

#[derive(Debug)]
struct Stored {
    bytes: Bytes,
    /// With its dot; empty if the name had none.
    extension: String,
}

/// Files by their id.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: HashMap<String, Stored>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Files {
    /// Keeps a file under an id.
    pub(crate) fn put(&mut self, id: &str, filename: &str, bytes: Bytes) {
        let extension = filename.rsplit_once('.').map(|(_, extension)| extension);
        let extension = extension
            .filter(|text| text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let extension = extension.map(|text| format!(".{text}")).unwrap_or_default();
        self.bytes += bytes.len();
        match self.files.insert(id.to_owned(), Stored { bytes, extension }) {
            Some(old) => self.bytes -= old.bytes.len(),
            None => self.order.push_back(id.to_owned()),
        }
        while self.bytes > MAX_BYTES || self.order.len() > MAX_FILES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(gone) = self.files.remove(&oldest) {
                self.bytes -= gone.bytes.len();
            }
        }
    }

    /// The File object of an id and the file's size.
    pub(crate) fn about(&self, id: &str) -> Option<(String, usize)> {
        let stored = self.files.get(id)?;
        let size = i64::try_from(stored.bytes.len()).unwrap_or(i64::MAX);
        let unique: String = id.chars().take(12).collect();
        let about =
            Object::new().text("file_id", id).text("file_unique_id", &unique).number("file_size", size);
        let about = about.text("file_path", &format!("{FOLDER}{id}{}", stored.extension));
        Some((about.finish(), stored.bytes.len()))
    }

    /// The bytes behind a file path.
    pub(crate) fn download(&self, path: &str) -> Option<Bytes> {
        let name = path.strip_prefix(FOLDER)?;
        let known =
            |id: &str| self.files.get(id).filter(|stored| name.len() == id.len() + stored.extension.len());
        let stored = known(name).or_else(|| known(name.rsplit_once('.')?.0))?;
        Some(stored.bytes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_files_go() {
        let mut files = Files::default();
        files.put("a", "x.txt", Bytes::from_static(b"hello"));
        assert!(files.about("a").unwrap().0.contains(r#""file_path":"documents/a.txt""#));
        assert_eq!(files.download("documents/a.txt").unwrap(), "hello");
        assert!(files.download("documents/a").is_none() && files.download("a.txt").is_none());
        files.put("a", "x", Bytes::from_static(b"hi"));
        assert_eq!(files.download("documents/a").unwrap(), "hi");
        files.put("b", "y", vec![0; MAX_BYTES - 1].into());
        assert!(files.about("a").is_none() && files.about("b").is_some());
        files.put("c", "z", vec![0; MAX_BYTES + 1].into());
        assert_eq!((files.bytes, files.order.len()), (0, 0));
    }
}
