//! The time of the call and the camera's calendar. In a component both come from the host; on native
//! targets [`set_now`] says what they are, so that tests never read a system clock.

use crate::Timestamp;

pub use crate::bindings::base::wardline::plugin::clock::Civil;

/// The `now` of this call: it does not move while the call runs.
#[cfg(target_arch = "wasm32")]
pub fn now() -> Timestamp {
    crate::bindings::base::wardline::plugin::clock::now()
}

/// A time in the time zone of the camera's configuration.
#[cfg(target_arch = "wasm32")]
pub fn local(time: Timestamp) -> Civil {
    crate::bindings::base::wardline::plugin::clock::local(time)
}

#[cfg(not(target_arch = "wasm32"))]
std::thread_local! {
    static NOW: core::cell::Cell<Timestamp> = const { core::cell::Cell::new(0) };
}

/// The `now` of this call: what [`set_now`] said last on this thread, 0 before.
#[cfg(not(target_arch = "wasm32"))]
pub fn now() -> Timestamp {
    NOW.get()
}

/// Native targets only: sets what [`now`] gives on this thread.
#[cfg(not(target_arch = "wasm32"))]
pub fn set_now(time: Timestamp) {
    NOW.set(time);
}

/// A time as a calendar shows it; on native targets the time zone is UTC.
#[cfg(not(target_arch = "wasm32"))]
pub fn local(time: Timestamp) -> Civil {
    let seconds = time.div_euclid(1_000_000);
    let days = seconds.div_euclid(86_400);
    let second_of_day = seconds.rem_euclid(86_400);
    let (year, month, day) = civil_from_days(days);
    Civil {
        year,
        month,
        day,
        hour: small(second_of_day / 3600),
        minute: small(second_of_day / 60 % 60),
        second: small(second_of_day % 60),
        // 1970-01-01 was a Thursday, the fourth day of the ISO week.
        weekday: small((days + 3).rem_euclid(7) + 1),
        utc_offset: 0,
    }
}

/// Days since 1970-01-01 as year, month, day of the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
#[cfg(not(target_arch = "wasm32"))]
fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (i32::try_from(year).unwrap_or(i32::MAX), small(month), small(day))
}

#[cfg(not(target_arch = "wasm32"))]
fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn a_time_becomes_a_calendar_day() {
        for (seconds, expected) in [
            (0, (1970, 1, 1, 0, 0, 0, 4)),
            (951_782_399, (2000, 2, 28, 23, 59, 59, 1)),
            (951_782_400, (2000, 2, 29, 0, 0, 0, 2)),
            (1_763_800_000, (2025, 11, 22, 8, 26, 40, 6)),
        ] {
            let civil = local(seconds * 1_000_000);
            let got = (
                civil.year,
                civil.month,
                civil.day,
                civil.hour,
                civil.minute,
                civil.second,
                civil.weekday,
            );
            assert_eq!(got, expected, "{seconds}");
        }
    }

    #[test]
    fn now_is_what_the_test_said() {
        set_now(42);
        assert_eq!(now(), 42);
    }
}
