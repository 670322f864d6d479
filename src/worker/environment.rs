//! The environment of a worker: ours, less what is the gateway's own, plus what names the worker.
//!
//! Owns the list. The token is never in it, in no variable and in no form.

use std::ffi::{OsStr, OsString};

/// Variables of a supervisor that address the gateway and must not reach its children (sd_notify(3), sd_listen_fds(3)).
const SUPERVISORS: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// What is the same for all workers of a gateway.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentPlan {
    /// Names to take away.
    pub removed: Vec<OsString>,
    /// Names and values to set.
    pub set: Vec<(&'static str, String)>,
}

/// What names one worker.
#[derive(Clone, Debug, Default)]
pub struct WorkerIdentity {
    /// The scope, as in `chat:42`.
    pub scope: String,
    /// The chat, if it is a chat's.
    pub chat_id: Option<i64>,
    /// The user, if it is a user's.
    pub user_id: Option<i64>,
}

impl EnvironmentPlan {
    /// Plans from our own variables `vars`: `options` are the names that set options of ours, `token` is the token.
    pub fn new(
        vars: impl Iterator<Item = (OsString, OsString)>,
        options: &[String],
        token: &str,
        bot_id: i64,
        bot_username: &str,
    ) -> Self {
        let ours = |name: &OsStr| {
            let name = name.to_string_lossy();
            SUPERVISORS.contains(&name.as_ref())
                || name == "TELEGRAM_BOT_TOKEN"
                || options.iter().any(|option| *option == name)
        };
        let removed = vars
            .filter(|(name, value)| ours(name) || value.to_string_lossy().contains(token))
            .map(|(name, _)| name)
            .collect();
        let set = vec![
            ("ASGIGRAM_PROTOCOL", crate::wire::PROTOCOL.to_string()),
            ("ASGIGRAM_WORKER_MODE", "scope".to_owned()),
            ("ASGIGRAM_BOT_ID", bot_id.to_string()),
            ("ASGIGRAM_BOT_USERNAME", bot_username.to_owned()),
            // Python holds back what it prints to a pipe, and takes the locale's word for its encoding.
            ("PYTHONUNBUFFERED", "1".to_owned()),
            ("PYTHONUTF8", "1".to_owned()),
        ];
        EnvironmentPlan { removed, set }
    }
}

impl WorkerIdentity {
    /// The variables that name this worker; `mark` is its `ASGIGRAM_WORKER`.
    pub(super) fn variables(&self, mark: &str) -> Vec<(&'static str, String)> {
        let mut variables =
            vec![(super::processes::VARIABLE, mark.to_owned()), ("ASGIGRAM_SCOPE", self.scope.clone())];
        variables.extend(self.chat_id.map(|id| ("ASGIGRAM_CHAT_ID", id.to_string())));
        variables.extend(self.user_id.map(|id| ("ASGIGRAM_USER_ID", id.to_string())));
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_and_what_is_the_gateways_own_are_taken_away() {
        let vars = [
            ("PATH", "/bin"),
            ("TELEGRAM_BOT_TOKEN", "x"),
            ("MY_COPY", "https://api/bot7:SECRET/getMe"),
            ("ASGIGRAM_GRACE", "3s"),
            ("ASGIGRAM_APP_SETTING", "mine"),
            ("NOTIFY_SOCKET", "/run/x"),
        ];
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into()));
        let plan = EnvironmentPlan::new(vars, &["ASGIGRAM_GRACE".into()], "7:SECRET", 7, "a_bot");
        assert_eq!(plan.removed, ["TELEGRAM_BOT_TOKEN", "MY_COPY", "ASGIGRAM_GRACE", "NOTIFY_SOCKET"]);
        assert!(plan.set.contains(&("ASGIGRAM_BOT_USERNAME", "a_bot".to_owned())));
    }
}
