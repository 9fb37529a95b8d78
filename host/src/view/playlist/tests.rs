//! Playlists of files made of numbers.

use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::store::playable::Entry;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros(1_763_800_000_000_000 + (seconds * 1e6) as i64)
}

/// A file with fragments of a second and a key frame every `gop` of them.
fn file(sequence: u64, start: f64, seconds: usize, gop: usize) -> Playable {
    let fragment = |at: usize| Entry {
        offset: 1000 + at as u64 * 500,
        length: 500,
        start_ticks: at as i64 * VIDEO_TICKS,
        samples: 25,
        key: at.is_multiple_of(gop),
        damaged: false,
    };
    Playable {
        sequence,
        epoch: 0,
        start: at(start),
        end: at(start + seconds as f64),
        gap_before: false,
        head: Some(7),
        fragments: (0..seconds).map(fragment).collect(),
    }
}

fn made(wanted: Wanted, files: &[Playable]) -> Playlist {
    let mut playlist = Playlist::new(wanted);
    files.iter().for_each(|file| playlist.add(file, |_| 0).unwrap());
    playlist
}

fn all(from: f64, to: f64) -> Wanted {
    Wanted { from: at(from), to: at(to), pictures: Pictures::All }
}

/// The lines that say something of media, with `|` before each that has a break before it.
fn media(playlist: &Playlist) -> Vec<String> {
    let text = playlist.text();
    let mut breaks = false;
    let mut found = Vec::new();
    for line in text.lines() {
        breaks |= line == "#EXT-X-DISCONTINUITY";
        if let Some(name) = line.strip_prefix("hls/") {
            let mark = if std::mem::take(&mut breaks) { "|" } else { "" };
            found.push(format!("{mark}{name}"));
        }
    }
    found
}

#[test]
fn a_playlist_is_as_the_standard_has_it() {
    let files = [file(17, 0.0, 14, 2), file(18, 14.0, 3, 2)];
    let text = made(all(1.5, 16.0), &files).text();
    let expected = "#EXTM3U
#EXT-X-VERSION:7
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-TARGETDURATION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-START:TIME-OFFSET=1.500000,PRECISE=YES
#EXT-X-MAP:URI=\"hls/17/init.mp4?head=00000007\"
#EXT-X-PROGRAM-DATE-TIME:2025-11-22T08:26:40.000Z
#EXTINF:6.000000,
hls/17/1000-3000.m4s
#EXTINF:6.000000,
hls/17/4000-3000.m4s
#EXTINF:2.000000,
hls/17/7000-1000.m4s
#EXT-X-PROGRAM-DATE-TIME:2025-11-22T08:26:54.000Z
#EXTINF:3.000000,
hls/18/1000-1500.m4s
#EXT-X-ENDLIST
";
    assert_eq!(text, expected);
}

#[test]
fn the_time_line_breaks_where_it_does() {
    let next = |change: fn(&mut Playable)| {
        let mut next = file(2, 6.0, 6, 2);
        change(&mut next);
        media(&made(all(0.0, 60.0), &[file(1, 0.0, 6, 2), next]))
    };
    let whole = ["1/1000-3000.m4s", "2/1000-3000.m4s"];
    let broken = ["1/1000-3000.m4s", "|2/1000-3000.m4s"];
    assert_eq!(next(|_| ()), whole);
    assert_eq!(next(|file| file.start = at(6.02)), whole, "less than a picture");
    assert_eq!(next(|file| file.gap_before = true), broken);
    assert_eq!(next(|file| file.start = at(6.3)), broken);
    assert_eq!(next(|file| file.epoch = 1), broken);
    assert_eq!(next(|file| file.head = Some(8)), broken, "other parameters");
    assert_eq!(next(|file| file.head = None), broken, "nobody knows");
}

#[test]
fn every_break_names_the_head_of_what_follows() {
    let mut other = file(2, 6.0, 6, 2);
    other.head = Some(8);
    let text = made(all(0.0, 60.0), &[file(1, 0.0, 6, 2), other]).text();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| *line == "#EXT-X-DISCONTINUITY").unwrap();
    assert_eq!(lines[at + 1], "#EXT-X-MAP:URI=\"hls/2/init.mp4?head=00000008\"");
    assert!(lines[at + 2].starts_with("#EXT-X-PROGRAM-DATE-TIME:"), "{}", lines[at + 2]);
}

#[test]
fn only_what_touches_the_range_is_in_it() {
    let files = [file(1, 0.0, 24, 2)];
    for (from, to, expected) in [
        (0.0, 6.0, 1),
        (0.0, 6.001, 2),
        (5.999, 6.0, 1),
        (6.0, 6.001, 1),
        (23.999, 99.0, 1),
        (24.0, 99.0, 0),
    ] {
        let playlist = made(all(from, to), &files);
        assert_eq!(media(&playlist).len(), expected, "{from}..{to}");
        assert_eq!(playlist.is_empty(), expected == 0);
    }
}

#[test]
fn what_no_key_frame_opens_needs_what_is_before_it() {
    let mut keyless = file(2, 6.0, 6, 2);
    keyless.fragments.iter_mut().take(3).for_each(|fragment| fragment.key = false);
    keyless.fragments[3].key = true;
    let whole = made(all(0.0, 60.0), &[file(1, 0.0, 6, 2), keyless.clone()]);
    assert_eq!(media(&whole), ["1/1000-3000.m4s", "2/1000-1500.m4s", "2/2500-1500.m4s"]);
    assert!(!whole.text().contains("#EXT-X-INDEPENDENT-SEGMENTS"));
    let alone = made(all(6.0, 60.0), &[keyless]);
    assert_eq!(media(&alone), ["2/2500-1500.m4s"], "nothing can be decoded before its key frame");
    assert!(alone.text().contains("#EXT-X-INDEPENDENT-SEGMENTS"));
}

#[test]
fn after_what_is_damaged_comes_a_break_and_a_key_frame() {
    let mut damaged = file(1, 0.0, 24, 2);
    damaged.fragments[8] = Entry { damaged: true, samples: 0, key: false, ..damaged.fragments[8] };
    damaged.fragments[9].key = false;
    let media = media(&made(all(0.0, 60.0), &[damaged]));
    // The second media segment ends before the damage; the fragment after it has no key frame.
    assert_eq!(media[..2], ["1/1000-3000.m4s", "1/4000-1000.m4s"]);
    assert!(media[2].starts_with("|1/6000-"), "{media:?}");
}

#[test]
fn key_frames_are_as_far_apart_as_is_asked() {
    let keys = |step: u64| {
        let pictures = Pictures::Keys(Duration::from_secs(step));
        let wanted = Wanted { pictures, ..all(0.0, 60.0) };
        made(wanted, &[file(1, 0.0, 12, 2), file(2, 12.0, 5, 2)])
    };
    let every = keys(0);
    let names = media(&every);
    assert_eq!(names.len(), 9);
    assert_eq!(names[0], "1/1000-1000-180000.m4s");
    assert_eq!(names[8], "2/3000-500-90000.m4s");
    let text = keys(5).text();
    assert!(text.contains("#EXT-X-I-FRAMES-ONLY\n"));
    assert!(text.contains("#EXT-X-MAP:URI=\"hls/1/keys.mp4?head=00000007\"\n"));
    let lengths: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("#EXTINF:")).collect();
    assert_eq!(lengths, ["6.000000,", "6.000000,", "5.000000,"]);
}

#[test]
fn what_is_decoded_early_counts_when_it_is_shown() {
    let mut playlist = Playlist::new(all(0.0, 60.0));
    let mut one = file(1, 0.0, 12, 2);
    // Two pictures of reordering: decode times lag after the first.
    one.fragments.iter_mut().skip(1).for_each(|fragment| fragment.start_ticks -= 7200);
    playlist.add(&one, |_| 7200).unwrap();
    let text = playlist.text();
    assert_eq!(text.matches("#EXTINF:6.000000,").count(), 2, "{text}");
}

#[test]
fn a_playlist_is_bounded() {
    let mut playlist = Playlist::new(all(0.0, 1e9));
    let mut refused = None;
    for at in 0..ITEMS_MAX as u64 + 1 {
        let one = file(at, at as f64 * 2.0, 2, 2);
        refused = playlist.add(&one, |_| 0).err();
        if refused.is_some() {
            break;
        }
    }
    assert!(refused.unwrap().to_string().contains("ask for a shorter range"));
}

proptest! {
    #[test]
    fn whatever_the_index_says_each_byte_is_named_once(
        files in vec((any::<bool>(), 0_i64..5, vec((1_u64..9, -5_i64..400_000, any::<bool>(), 0_u8..20), 0..12)), 0..6),
        delay in -5_i64..50_000,
        keys: bool,
    ) {
        let mut start = at(0.0);
        let mut all_files = Vec::new();
        for (sequence, (gap, pause, rows)) in (0..).zip(files) {
            start = start.offset(pause * 20_000);
            let (mut offset, mut ticks) = (100, 0);
            let fragments: Vec<Entry> = rows.into_iter().map(|(length, step, key, kind)| {
                let entry = Entry {
                    offset, length, start_ticks: ticks, key,
                    samples: u32::from(kind > 0), damaged: kind == 0,
                };
                offset += length;
                ticks += step;
                entry
            }).collect();
            let end = start.offset(ticks_to_micros(ticks.max(0)));
            all_files.push(Playable {
                sequence, epoch: 0, start, end, gap_before: gap, head: Some(1), fragments,
            });
            start = end;
        }
        let pictures = if keys { Pictures::Keys(Duration::from_secs(1)) } else { Pictures::All };
        let wanted = Wanted { from: Timestamp::ZERO, to: Timestamp::MAX, pictures };
        let mut playlist = Playlist::new(wanted);
        for file in &all_files {
            playlist.add(file, |_| delay).unwrap();
        }
        let mut before: Option<(u64, u64)> = None;
        for item in &playlist.items {
            prop_assert!(item.ticks > 0 && item.length > 0);
            let end = item.offset + item.length;
            prop_assert!(before.is_none_or(|before| before <= (item.sequence, item.offset)));
            let file = &all_files[item.sequence as usize];
            prop_assert!(file.fragments.iter().any(|one| one.offset == item.offset));
            prop_assert!(file.fragments.iter().any(|one| one.offset + one.length == end));
            before = Some((item.sequence, end));
        }
        prop_assert_eq!(playlist.items.first().is_none_or(|first| first.breaks), true);
        let _ = playlist.text();
    }
}
