//! What a guest may call, one interface a file. Every function returns at once and keeps within a
//! limit of its own.

pub(super) mod clock;
pub(super) mod log;
pub(super) mod metrics;

/// The beginning of `text` that fits into `bytes_max`, ending at a whole character.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn cut_keeps_whole_characters() {
        for (bytes_max, kept) in [(0, ""), (1, "a"), (2, "a"), (3, "aé"), (9, "aéz")] {
            assert_eq!(cut("aéz", bytes_max), kept);
        }
    }
}
