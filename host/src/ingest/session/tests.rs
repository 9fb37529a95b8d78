//! A camera's life on simulated time, with a source that plays a script.

use std::collections::VecDeque;

use bytes::Bytes;

use super::*;
use crate::base::Timestamp;
use crate::base::clock::Simulated;
use crate::ingest::camera::{AtEnd, STALL};
use crate::ingest::packet::{AudioParameters, Codec, VideoParameters};
use crate::ingest::queue::{Options, Receiver, WhenFull, channel};
use crate::ingest::source::{AudioSample, Report, Stream, VideoSample};
use crate::ingest::timeline::Arrival;

/// Plays its steps, each after a wait in milliseconds, then is silent.
struct Script(VecDeque<(u64, Result<Sample, End>)>);

impl Source for Script {
    async fn next(&mut self) -> Result<Sample, End> {
        let Some((wait, _)) = self.0.front() else { return std::future::pending().await };
        tokio::time::sleep(Duration::from_millis(*wait)).await;
        self.0.pop_front().map_or_else(|| Err(End::offline("over")), |(_, step)| step)
    }

    async fn close(self) {}
}

fn parameters() -> Arc<VideoParameters> {
    Arc::new(VideoParameters {
        codec: Codec::H264,
        width: 16,
        height: 16,
        rfc6381: "avc1.42C00A".into(),
        sample_entry: Bytes::new(),
        decoder_config: Bytes::new(),
    })
}

fn video(pts: i64, nal: &'static [u8], lost: u64) -> Result<Sample, End> {
    let data = [&(nal.len() as u32).to_be_bytes(), nal].concat();
    Ok(Sample::Video(VideoSample { parameters: parameters(), pts, lost, data: data.into() }))
}

fn audio(pts: i64) -> Result<Sample, End> {
    let parameters = Arc::new(AudioParameters {
        rfc6381: "mp4a.40.2".into(),
        sample_entry: Bytes::new(),
        clock_rate: 48_000,
        frame_ticks: 1024,
    });
    Ok(Sample::Audio(AudioSample { parameters, pts, lost: 0, data: Bytes::from_static(b"aac") }))
}

const START: Timestamp = Timestamp::ZERO;
const IDR: &[u8] = &[0x65, 0x88];
const P: &[u8] = &[0x41, 0x9a];
const SEI: &[u8] = &[0x06, 0x05];

struct Setup {
    life: Life,
    received: Receiver,
    metrics: Metrics,
}

fn setup(origin: Origin) -> Setup {
    let metrics = Metrics::default();
    let options = Options {
        camera: "gate".into(),
        edge: "record",
        bytes_max: 1 << 20,
        when_full: WhenFull::DropOldestGroup,
    };
    let (sender, received) = channel(options, &metrics);
    let outputs = Outputs { record: Some(sender), decode: None, live: None };
    let clock = Arc::new(Simulated::starting_at(START));
    let timeline = Timeline::new(Arrival::now(&*clock));
    let life = Life {
        camera: CameraIngest { name: "gate".into(), origin, stall: STALL },
        flow: Flow::new("gate", outputs, timeline, clock, &metrics),
        shutdown: CancellationToken::new(),
        backoff: Backoff::new(BACKOFF[0], BACKOFF[1], 1),
        audio_failures: 0,
        offline: None,
        warned_of_audio: false,
    };
    Setup { life, received, metrics }
}

fn file(path: &std::path::Path, at_end: AtEnd, pace: Pace) -> Origin {
    Origin::File(FileOrigin { path: path.into(), pace, at_end, start: None })
}

async fn play(life: &mut Life, steps: Vec<(u64, Result<Sample, End>)>) -> Option<End> {
    life.flow.begin(AudioStart::Together);
    let source = Script(steps.into());
    life.play(source, Anchoring::Arrival, Pace::Real, Some(STALL)).await
}

#[tokio::test(start_paused = true)]
async fn samples_become_items() {
    let Setup { mut life, mut received, .. } = setup(file("/x".as_ref(), AtEnd::Stop, Pace::Real));
    let bye = Err(End::offline("bye"));
    let steps = vec![
        (50, audio(4800)),
        (50, video(9000, IDR, 0)),
        (10, video(9000, SEI, 3)),
        (90, video(18_000, P, 0)),
        (0, audio(9600)),
        (100, video(27_000, P, 0)),
        (0, bye),
    ];
    assert_eq!(play(&mut life, steps).await.unwrap().detail, "bye");
    let mut seen = Vec::new();
    while let Some(item) = received.try_recv() {
        seen.push(match item {
            Item::Video(unit) => {
                let damaged = if unit.damaged { " damaged" } else { "" };
                format!("{:?} {}{damaged}", unit.access, unit.time.millis())
            }
            Item::Audio(frame) => format!("audio {}", frame.time.millis()),
            Item::Gap(gap) => gap.detail,
        });
    }
    // Audio that came before the first picture follows it; a unit without a picture is left out,
    // but not what was lost before it.
    assert_eq!(
        seen,
        ["Key 100", "audio 100", "Reference 200 damaged", "audio 200", "Reference 300"]
    );
}

fn report(stream: Stream, pts: i64, clock_rate: u32, ntp: i64) -> Result<Sample, End> {
    Ok(Sample::Report(Report { stream, pts, clock_rate, ntp }))
}

fn times(received: &mut Receiver) -> Vec<String> {
    let items = std::iter::from_fn(|| received.try_recv());
    let shown = items.map(|item| match item {
        Item::Video(unit) => format!("{} in {}", unit.time.millis(), unit.epoch),
        Item::Audio(frame) => format!("audio {}", frame.time.millis()),
        Item::Gap(gap) => gap.detail,
    });
    shown.collect()
}

#[tokio::test(start_paused = true)]
async fn sender_reports_align_audio_with_video() {
    let Setup { mut life, mut received, .. } = setup(file("/x".as_ref(), AtEnd::Stop, Pace::Real));
    let steps = vec![
        (50, video(0, IDR, 0)),
        (0, audio(0)),
        // At the same moment of the camera's clock audio is 300 ms less far.
        (0, report(Stream::Video, 27_000, 90_000, 77_000_000)),
        (0, report(Stream::Audio, 0, 48_000, 77_000_000)),
        (50, video(4500, P, 0)),
        (0, audio(2400)),
        (0, Err(End::offline("bye"))),
    ];
    play(&mut life, steps).await;
    assert_eq!(times(&mut received), ["50 in 0", "audio 50", "100 in 0", "audio 400"]);
}

#[tokio::test(start_paused = true)]
async fn sender_reports_give_utc_where_that_is_wished() {
    for (ntp, expected) in [
        (3_050_000, ["50 in 0", "3100 in 1", "3150 in 1"]),
        (3_600_000_000, ["50 in 0", "100 in 0", "150 in 0"]),
    ] {
        let Setup { mut life, mut received, .. } =
            setup(file("/x".as_ref(), AtEnd::Stop, Pace::Real));
        life.flow.begin(AudioStart::Together);
        let steps = [
            (50, video(0, IDR, 0)),
            (0, report(Stream::Video, 0, 90_000, ntp)),
            (50, video(4500, P, 0)),
            (50, video(9000, P, 0)),
            (0, Err(End::offline("bye"))),
        ];
        let source = Script(steps.into());
        life.play(source, Anchoring::Camera, Pace::Real, Some(STALL)).await;
        assert_eq!(times(&mut received), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_without_video_ends() {
    let Setup { mut life, mut received, .. } = setup(file("/x".as_ref(), AtEnd::Stop, Pace::Real));
    // Audio goes on; that is no sign of life.
    let mut steps = vec![(0, video(0, IDR, 0))];
    steps.extend((0..100).map(|n| (200, audio(n * 9600))));
    let began = Instant::now();
    let end = play(&mut life, steps).await.unwrap();
    assert_eq!((end.reason, end.then), (GapReason::Silent, Then::Retry));
    assert!((STALL..STALL + Duration::from_secs(1)).contains(&began.elapsed()));
    life.tell(&end, life.flow.delivered());
    let gaps = std::iter::from_fn(|| received.try_recv()).filter(|i| matches!(i, Item::Gap(_)));
    assert_eq!(gaps.count(), 1);
}

#[tokio::test]
async fn a_panic_costs_one_session() {
    let end = survived(async { panic!("on purpose") }).await.unwrap();
    assert_eq!((end.reason, end.then), (GapReason::Offline, Then::Retry));
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_stays_away_makes_one_gap() {
    let missing = file("/nowhere/clip.mp4".as_ref(), AtEnd::Stop, Pace::Real);
    let Setup { life, mut received, metrics } = setup(missing);
    let shutdown = life.shutdown.clone();
    let running = life.run();
    let watch = async {
        let Some(Item::Gap(gap)) = received.recv().await else { panic!("a gap is first") };
        assert!(gap.reason == GapReason::Offline && gap.detail.contains("/nowhere/clip.mp4"));
        let more = tokio::time::timeout(Duration::from_secs(300), received.recv()).await;
        assert!(more.is_err(), "{more:?}");
        shutdown.cancel();
        assert!(received.recv().await.is_none());
    };
    tokio::join!(running, watch);
    assert!(metrics.text().contains("wardline_gaps_total{camera=\"gate\"} 1"));
}

/// A second of video at 25 pictures a second with B-frames and audio, or nothing without ffmpeg.
fn clip(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    let path = folder.join("clip.mp4");
    let status = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=1"])
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=1"])
        .args(["-c:v", "libx264", "-g", "10", "-bf", "2"])
        .arg(&path)
        .status();
    match status {
        Ok(status) => assert!(status.success()),
        Err(error) => {
            eprintln!("skipped: session::tests: run ffmpeg: {error}");
            return None;
        }
    }
    Some(path)
}

#[tokio::test(start_paused = true)]
async fn a_file_plays_once_by_its_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = clip(folder.path()) else { return };
    let Setup { life, mut received, .. } = setup(file(&path, AtEnd::Stop, Pace::Real));
    let began = Instant::now();
    life.run().await;
    assert!((900..1100).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let (mut times, mut sounds, mut keys) = (Vec::new(), 0, 0);
    let mut end = None;
    while let Some(item) = received.recv().await {
        match item {
            Item::Video(unit) => {
                keys += u32::from(unit.access.is_key());
                assert_eq!(unit.time.millis(), unit.pts / 90);
                times.push(unit.pts);
            }
            Item::Audio(_) => sounds += 1,
            Item::Gap(gap) => end = Some(gap.reason),
        }
    }
    times.sort_unstable();
    assert_eq!(times, (0..25).map(|n| n * 3600).collect::<Vec<i64>>());
    assert_eq!((keys, end), (3, Some(GapReason::Ended)));
    assert!(sounds >= 46, "{sounds}");
}

#[tokio::test(start_paused = true)]
async fn a_file_repeats_with_times_going_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = clip(folder.path()) else { return };
    let Setup { life, mut received, .. } = setup(file(&path, AtEnd::Repeat, Pace::Fast));
    let shutdown = life.shutdown.clone();
    let running = life.run();
    let watch = async {
        let (mut times, mut sound_end) = (Vec::new(), i64::MIN);
        while let Some(item) = received.recv().await {
            match item {
                Item::Video(unit) => times.push(unit.pts),
                Item::Audio(frame) => {
                    assert!(frame.pts >= sound_end);
                    sound_end = frame.pts + 1024;
                }
                Item::Gap(gap) => panic!("{gap:?}"),
            }
            if times.len() == 2500 {
                shutdown.cancel();
                break;
            }
        }
        drop(received);
        times.sort_unstable();
        assert_eq!(times, (0..2500).map(|n| n * 3600).collect::<Vec<i64>>());
    };
    tokio::join!(running, watch);
}

/// A camera that sets its clock while it plays: what follows is as of another session, placed by when
/// it comes, and its audio waits until it has followed.
#[tokio::test(start_paused = true)]
async fn a_leap_of_the_cameras_times_is_a_gap_and_what_follows_is_placed_anew() {
    for leap in [300_i64, -100, -4] {
        let Setup { mut life, mut received, .. } =
            setup(file("/x".as_ref(), AtEnd::Stop, Pace::Real));
        let mut steps = Vec::new();
        for n in 0..400_i64 {
            let by = |from: i64, rate: i64| if n >= from { leap * rate } else { 0 };
            let nal = if n % 20 == 0 { IDR } else { P };
            steps.push((100, video(n * 9000 + by(200, 90_000), nal, 0)));
            steps.push((0, audio(n * 4800 + by(203, 48_000))));
        }
        steps.push((0, Err(End::offline("bye"))));
        let began = Instant::now();
        play(&mut life, steps).await.unwrap();
        let (mut gaps, mut sounds, mut n, mut last) = (Vec::new(), 0, 0, START);
        while let Some(item) = received.try_recv() {
            match item {
                Item::Video(unit) => {
                    n += 1;
                    last = unit.time;
                    assert_eq!(unit.session, u64::from(n > 200), "{leap}: {n}");
                    // It comes later and later: until the leap it goes by its own times.
                    let late = START + (unit.arrived - began);
                    let apart = late.micros_since(unit.time);
                    assert!(n != 201 || apart.abs() < 250_000, "{leap}: {n} is off by {apart}");
                }
                Item::Audio(frame) => {
                    sounds += 1;
                    let apart = frame.time.micros_since(last);
                    assert!(apart.abs() < 250_000, "{leap}: sound at {n} is off by {apart}");
                }
                Item::Gap(gap) => gaps.push((n, gap.detail)),
            }
        }
        assert_eq!((n, gaps.len()), (400, 1), "{leap}: {gaps:?}");
        assert!(gaps[0].0 == 200 && gaps[0].1.contains("leapt by"), "{gaps:?}");
        assert!(sounds >= 395, "{leap}: {sounds}");
    }
}
