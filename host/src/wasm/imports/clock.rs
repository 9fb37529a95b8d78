//! `wardline:plugin/clock`: the time of the call, and what a calendar makes of a time.

use jiff::tz::TimeZone;

use crate::base::Timestamp;
use crate::wasm::bindings::wardline::plugin::clock;
use crate::wasm::instance::Host;

/// The clock of one instance. Stands still while a call runs, so that a replay is the same.
pub(in crate::wasm) struct Face {
    pub(in crate::wasm) now: Timestamp,
    pub(in crate::wasm) zone: TimeZone,
}

impl Face {
    /// A time that is out of range is shown as the nearest that is not.
    fn civil(&self, micros: i64) -> clock::Civil {
        let local = Timestamp::from_micros(micros).civil().to_zoned(self.zone.clone());
        let small = |number: i8| u8::try_from(number).unwrap_or(0);
        clock::Civil {
            year: i32::from(local.year()),
            month: small(local.month()),
            day: small(local.day()),
            hour: small(local.hour()),
            minute: small(local.minute()),
            second: small(local.second()),
            weekday: small(local.weekday().to_monday_one_offset()),
            utc_offset: local.offset().seconds(),
        }
    }
}

impl clock::Host for Host {
    fn now(&mut self) -> i64 {
        self.clock.now.micros()
    }

    fn local(&mut self, time: i64) -> clock::Civil {
        self.clock.civil(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_is_the_zone_of_the_camera() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let face = Face { now: Timestamp::ZERO, zone };
        // 2025-06-29T22:30:05Z, a Sunday; in Berlin it is Monday already.
        let civil = face.civil(1_751_236_205_000_000);
        assert_eq!((civil.year, civil.month, civil.day), (2025, 6, 30));
        assert_eq!((civil.hour, civil.minute, civil.second), (0, 30, 5));
        assert_eq!((civil.weekday, civil.utc_offset), (1, 7200));
        assert_eq!(face.civil(i64::MIN).year, 1970);
        assert_eq!(face.civil(i64::MAX).year, 2255);
    }
}
