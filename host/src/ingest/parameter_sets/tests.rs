//! Tables of what cameras do with their parameter sets, for both codecs.

use proptest::prelude::{any, prop, proptest};

use super::*;

/// A record with these sets; the first byte of each says what it is.
fn config(codec: Codec, sets: &[&[u8]]) -> Bytes {
    let empty = match codec {
        Codec::H264 => {
            Bytes::from_static(&[1, 0x4d, 0x40, 0x1f, 0xff, 0xe0, 0, 0xfd, 0xf8, 0xf8, 0])
        }
        Codec::H265 => Bytes::from([&[1; 22][..], &[0]].concat()),
    };
    with_sets(codec, &empty, sets).unwrap()
}

fn parameters(codec: Codec, width: u32, sets: &[&[u8]]) -> Arc<VideoParameters> {
    let decoder_config = config(codec, sets);
    let (kind, record) = match codec {
        Codec::H264 => (b"avc1", b"avcC"),
        Codec::H265 => (b"hvc1", b"hvcC"),
    };
    let mut entry = vec![0; ENTRY_HEADER];
    entry[4..8].copy_from_slice(kind);
    entry.put_u32(u32::try_from(8 + decoder_config.len()).unwrap());
    entry.put_slice(record);
    entry.put_slice(&decoder_config);
    entry.put_slice(&[0, 0, 0, 16, b'p', b'a', b's', b'p', 0, 0, 0, 1, 0, 0, 0, 1]);
    let size = u32::try_from(entry.len()).unwrap();
    entry[..4].copy_from_slice(&size.to_be_bytes());
    Arc::new(VideoParameters {
        codec,
        width,
        height: 480,
        rfc6381: format!("{}.4d401f", std::str::from_utf8(kind).unwrap()),
        sample_entry: entry.into(),
        decoder_config,
    })
}

/// Which parameters a camera sends with each group, by letter, and which of them make a new file;
/// `+`: it is collected from there on.
fn check(name: &str, groups: &str, files: &str) {
    for codec in [Codec::H264, Codec::H265] {
        let (sequence, picture) = match codec {
            Codec::H264 => (0x67, 0x68),
            Codec::H265 => (33 << 1, 34 << 1),
        };
        let of = |letter: char| {
            let width = if letter.is_uppercase() { 1280 } else { 640 };
            // The same numbers, other content.
            parameters(codec, width, &[&[sequence, 9, 0], &[picture, 9, letter as u8]])
        };
        let mut sets = ParameterSets::default();
        let mut last: Option<Arc<VideoParameters>> = None;
        let mut found = String::new();
        for letter in groups.chars() {
            let (key, used) = sets.apply(&of(letter), true, Bytes::from_static(b"key"));
            let (next, other) = sets.apply(&of(letter), false, Bytes::from_static(b"other"));
            assert_eq!((&key, &other[..]), (&next, &b"other"[..]), "{name}");
            let is_new = last.replace(key.clone()).is_none_or(|last| last != key);
            found.push(match (is_new, key.is_collected()) {
                (true, true) => '+',
                (true, false) => letter,
                (false, _) => '.',
            });
            let carried = [0, 0, 0, 3, sequence, 9, 0, 0, 0, 0, 3, picture, 9, letter as u8];
            let expected = match key.is_collected() {
                true => [&carried[..], b"key"].concat(),
                false => b"key".to_vec(),
            };
            assert_eq!(used, expected, "{name}: {letter}");
        }
        assert_eq!(found, files, "{name}: {codec:?}");
    }
}

#[test]
fn cases() {
    check("steady", "aaaa", "a...");
    check("set anew", "aabb", "a.b.");
    check("to and fro three times", "ababa", "ababa");
    check("more often", "abababab", "ababa+..");
    check("three in turn", "abcabcabc", "abcabc+..");
    check("another one later", "abababcacac", "ababa+.....");
    check("always another", "abcdefghijklmnopqrs", "abcdefghijklmno+...");
    check("another size ends it", "abababAAab", "ababa+A.ab");
    check("sizes in turn are files", "aAaAaAaAaA", "aAaAaAaAaA");
}

#[test]
fn all_sets_are_in_the_entry_once() {
    let one = parameters(Codec::H264, 640, &[&[0x67, 1], &[0x68, 1]]);
    let other = parameters(Codec::H264, 640, &[&[0x67, 1], &[0x68, 2]]);
    let all = collect(&[one.clone(), other]).unwrap();
    assert_eq!(
        sets(Codec::H264, &all.decoder_config).unwrap(),
        [&[0x67, 1][..], &[0x68, 1], &[0x68, 2]]
    );
    assert!(all.decoder_config.ends_with(&[0xfd, 0xf8, 0xf8, 0]), "what follows is kept");
    assert_eq!(all.rfc6381, "avc3.4d401f");
    let entry = &all.sample_entry;
    assert_eq!(u32::from_be_bytes(entry[..4].try_into().unwrap()) as usize, entry.len());
    let inside = &entry[ENTRY_HEADER + 8..][..all.decoder_config.len()];
    assert_eq!(inside, all.decoder_config);
    assert!(entry.ends_with(&one.sample_entry[one.sample_entry.len() - 16..]), "other boxes stay");
}

proptest! {
    #[test]
    fn any_records_are_survived(
        configs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..30),
        h265 in any::<bool>(),
    ) {
        let codec = if h265 { Codec::H265 } else { Codec::H264 };
        let mut sets = ParameterSets::default();
        for config in configs {
            let good = parameters(codec, 640, &[]);
            let entry = [&good.sample_entry[..], &config].concat();
            let sent = VideoParameters {
                decoder_config: config.into(),
                sample_entry: entry.into(),
                ..VideoParameters::clone(&good)
            };
            let (_, data) = sets.apply(&Arc::new(sent), true, Bytes::from_static(b"data"));
            assert!(data.ends_with(b"data"));
        }
    }
}
