//! How long a camera keeps what its policies ask for. Pure.

use std::time::Duration;

/// What the operator says of a camera's policies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// How long is "as configured"; `None`: for ever.
    pub keep: Option<Duration>,
    /// The longest that a policy can ask for; `None`: no limit. Not shorter than `keep`.
    pub keep_max: Option<Duration>,
}

impl Terms {
    /// What is granted of what is asked for; `None`: as configured.
    pub fn grant(&self, asked: Option<Duration>) -> Option<Duration> {
        let most = self.keep_max.unwrap_or(Duration::MAX);
        asked.map(|keep| keep.min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_longer_than_the_operator_says() {
        let day = |days: u64| Duration::from_secs(days * 86_400);
        for (most, asked, granted) in [
            (None, Some(day(100_000)), Some(day(100_000))),
            (Some(day(30)), Some(day(100_000)), Some(day(30))),
            (Some(day(30)), Some(day(30)), Some(day(30))),
            (Some(day(30)), Some(day(2)), Some(day(2))),
            (Some(day(30)), Some(Duration::ZERO), Some(Duration::ZERO)),
            (Some(day(30)), None, None),
        ] {
            let terms = Terms { keep: Some(day(7)), keep_max: most };
            assert_eq!(terms.grant(asked), granted, "{asked:?} of {most:?}");
        }
    }
}
