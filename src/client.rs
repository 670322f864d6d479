//! The Python client that travels inside the binary, so that an ASGI app needs nothing but python3.
//!
//! Owns the copy on disk: one folder for each version, below the user's cache or, where that cannot be written, the
//! system's folder for temporary files. It never runs anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of the package `asgigram`.
const FILES: [(&str, &str); 11] = [
    ("__init__.py", include_str!("../clients/python/asgigram/__init__.py")),
    ("__main__.py", include_str!("../clients/python/asgigram/__main__.py")),
    ("calls.py", include_str!("../clients/python/asgigram/calls.py")),
    ("connection.py", include_str!("../clients/python/asgigram/connection.py")),
    ("errors.py", include_str!("../clients/python/asgigram/errors.py")),
    ("host.py", include_str!("../clients/python/asgigram/host.py")),
    ("lifespan.py", include_str!("../clients/python/asgigram/lifespan.py")),
    ("load.py", include_str!("../clients/python/asgigram/load.py")),
    ("log.py", include_str!("../clients/python/asgigram/log.py")),
    ("pipes.py", include_str!("../clients/python/asgigram/pipes.py")),
    ("wire.py", include_str!("../clients/python/asgigram/wire.py")),
];

/// Puts the package on disk, if it is not there, and returns the folder to name in PYTHONPATH. `cache` is the user's
/// cache folder, where there is one.
pub fn unpack(cache: Option<&Path>) -> io::Result<PathBuf> {
    let name = format!("client-{}", env!("CARGO_PKG_VERSION"));
    let in_cache = cache.map(|cache| cache.join("asgigram").join(&name));
    if let Some(folder) = in_cache
        && write(&folder).is_ok()
    {
        return Ok(folder);
    }
    // Nobody else can have put anything into a folder whose name did not exist.
    let folder = std::env::temp_dir().join(format!("asgigram-{name}-{:016x}", fastrand::u64(..)));
    fs::DirBuilder::new().create(&folder)?;
    write(&folder)?;
    Ok(folder)
}

fn write(folder: &Path) -> io::Result<()> {
    let package = folder.join("asgigram");
    fs::create_dir_all(&package)?;
    for (name, text) in FILES {
        let path = package.join(name);
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        // A worker that starts meanwhile sees the old file or the new one, never a part.
        let fresh = package.join(format!(".{name}.{:08x}", fastrand::u32(..)));
        fs::write(&fresh, text)?;
        fs::rename(&fresh, &path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_package_is_inside() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python/asgigram");
        let mut there: Vec<_> = fs::read_dir(package)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.ends_with(".py"))
            .collect();
        there.sort();
        assert_eq!(there, FILES.map(|(name, _)| name));
    }

    #[test]
    fn a_changed_file_is_put_right_and_a_cache_that_cannot_be_written_is_gone_around() {
        let cache = tempfile::tempdir().unwrap();
        let folder = unpack(Some(cache.path())).unwrap();
        let file = folder.join("asgigram/wire.py");
        fs::write(&file, "broken").unwrap();
        assert_eq!(unpack(Some(cache.path())).unwrap(), folder);
        assert!(fs::read_to_string(&file).unwrap().starts_with("\"\"\""));
        let elsewhere = unpack(Some(Path::new("/proc/nowhere"))).unwrap();
        assert!(elsewhere.join("asgigram/host.py").is_file());
        fs::remove_dir_all(elsewhere).unwrap();
    }
}
