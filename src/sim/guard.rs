//! Who may use the control API: pages of other sites may not, neither directly nor by a name of their own that
//! resolves to this machine. Pure.

use std::net::IpAddr;

/// Whether a `Host` header names this machine: an IP address, `localhost`, a name below it, or a name that was
/// configured. No header at all is a program, not a browser.
pub(crate) fn host_is_ours(host: Option<&str>, names: &[String]) -> bool {
    let Some(host) = host else { return true };
    let name = without_port(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let lower = name.trim_end_matches('.').to_ascii_lowercase();
    bare.parse::<IpAddr>().is_ok()
        || lower == "localhost"
        || lower.ends_with(".localhost")
        || names.iter().any(|known| known.eq_ignore_ascii_case(&lower))
}

/// Whether an `Origin` header, if there is one, is the same host and port as the request went to.
pub(crate) fn origin_is_ours(origin: Option<&str>, host: Option<&str>) -> bool {
    let Some(origin) = origin else { return true };
    let there = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match (there, host) {
        (Some(there), Some(host)) => there.eq_ignore_ascii_case(host),
        _ => false,
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for ours in [
            "127.0.0.1:8081",
            "[::1]:80",
            "[::1]",
            "localhost:1",
            "LOCALHOST",
            "a.localhost:1",
            "10.0.0.7:1",
            "sim:1",
        ] {
            assert!(host_is_ours(Some(ours), &["sim".to_owned()]), "{ours}");
        }
        for foreign in ["evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.nip.io", ""]
        {
            assert!(!host_is_ours(Some(foreign), &["sim".to_owned()]), "{foreign}");
        }
        assert!(host_is_ours(None, &[]));
    }

    #[test]
    fn origins() {
        assert!(origin_is_ours(None, Some("localhost:1")));
        assert!(origin_is_ours(Some("http://localhost:1"), Some("localhost:1")));
        for foreign in ["null", "http://evil.example", "http://localhost:2", "localhost:1", ""] {
            assert!(!origin_is_ours(Some(foreign), Some("localhost:1")), "{foreign}");
        }
    }
}
