//! What the seats of one camera are wired to: pictures and access units in, spans out. Lives as long
//! as the camera, whoever comes and goes.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::Shared;
use super::scope::Scope;
use crate::analyze::UnitTaps;
use crate::analyze::pictures::{Pictures, Wishes};
use crate::base::limits;
use crate::config;
use crate::ingest::{VideoParameters, queue};
use crate::policy::Span;
use crate::policy::spans::Reach;
use crate::wasm::standing::{Asker, standing};

/// All that leads to the seats of one camera, and from them.
pub(super) struct Wires {
    /// To the recorder.
    pub(super) spans: mpsc::Sender<Span>,
    /// The oldest video that a span can reach.
    pub(super) reach: Reach,
    /// Access units of the recorded stream.
    pub(super) units: UnitTaps,
    /// What analyzers wish to see.
    pub(super) wishes: Wishes,
    /// What the stream is, once known.
    pub(super) video: watch::Receiver<Option<Arc<VideoParameters>>>,
    /// Whether there is anything to be seen.
    pub(super) sight: Asker,
    /// The edge to the decoder, which nothing takes while there is no analyzer.
    edge: Option<queue::Switch>,
}

impl Wires {
    /// Starts the decoder. Gives where packets of the analysed stream go; `None`: nobody wants a
    /// second stream.
    pub(super) fn new(
        camera: &config::Camera,
        shared: &Shared,
        scope: &Scope,
        spans: mpsc::Sender<Span>,
    ) -> (Self, Option<queue::Sender>) {
        let (wishes, wished) = watch::channel(Vec::new());
        let (video, known) = watch::channel(None);
        let (sight, asker) = standing();
        let mut wires = Self {
            spans,
            reach: Reach::default(),
            units: UnitTaps::default(),
            wishes,
            video: known,
            sight: asker,
            edge: None,
        };
        // A second stream is fetched for analyzers only.
        if camera.analysis.is_some() && camera.analyzers.is_empty() {
            return (wires, None);
        }
        let options = queue::Options {
            camera: camera.name.clone(),
            edge: "decode",
            bytes_max: limits::DECODE_QUEUE_BYTES,
            when_full: queue::WhenFull::SkipToKey,
        };
        let (decode, packets) = queue::channel(options, &shared.metrics);
        let pictures = Pictures {
            camera: camera.name.clone(),
            packets,
            wishes: wished,
            video,
            sight,
            is_second: camera.analysis.is_some(),
            lane: shared.decode.clone(),
            metrics: shared.metrics.clone(),
        };
        scope.analyze.spawn(format!("decoder of {}", camera.name), pictures.run());
        wires.edge = Some(decode.switch());
        (wires, Some(decode))
    }

    /// There are analyzers, or none.
    pub(super) fn look(&self, on: bool) {
        if let Some(edge) = &self.edge {
            edge.turn(on);
        }
    }
}
