//! Values on the command line: durations, ranges of them, sizes.
//!
//! Pure. Each parser says what it takes when it is given something else.

use std::time::Duration;

/// `30s`, `15m`, `1h 30m`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a duration like `30s`, `500ms` or `15m`".to_owned())
}

/// `1s..60s`: the shortest and the longest.
pub(super) fn duration_range(text: &str) -> Result<(Duration, Duration), String> {
    let usage = || "write the shortest and the longest delay like `1s..60s`".to_owned();
    let (shortest, longest) = text.split_once("..").ok_or_else(usage)?;
    let range = (duration(shortest).map_err(|_| usage())?, duration(longest).map_err(|_| usage())?);
    if range.0 <= range.1 {
        Ok(range)
    } else {
        Err("the shortest delay is longer than the longest".to_owned())
    }
}

/// `1GiB`, `16MiB`, `64KiB`, or a number of bytes.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let (number, unit) = match text.trim_end_matches("iB") {
        text if text.ends_with('G') => (text.trim_end_matches('G'), 1 << 30),
        text if text.ends_with('K') => (text.trim_end_matches('K'), 1 << 10),
        text if text.ends_with('M') => (text.trim_end_matches('M'), 1 << 20),
        text => (text, 1),
    };
    let bytes = number.trim().parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "write a size like `16MiB`, `64KiB` or `4096`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_say() {
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        assert!(duration("15").is_err() && duration("").is_err());
        assert_eq!(duration_range("1s..60s"), Ok((Duration::from_secs(1), Duration::from_secs(60))));
        assert!(duration_range("60s..1s").is_err() && duration_range("1s").is_err());
        assert_eq!((size("16MiB"), size("64K"), size("4096")), (Ok(16 << 20), Ok(64 << 10), Ok(4096)));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert!(size("x").is_err() && size("0").is_err() && size("99999999999999999999MiB").is_err());
    }
}
