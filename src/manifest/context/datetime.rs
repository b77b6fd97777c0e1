//! Texts and values of points in time, as templates see them.

use chrono::{DateTime, Utc};

use crate::jinja::{Value, datetime_value};

/// An aware datetime in UTC.
pub fn utc(time: DateTime<Utc>) -> Value {
    datetime_value(time)
}

/// `str()` of an aware datetime in UTC: `2024-01-02 00:00:00+00:00`.
pub fn text_of_utc(time: &DateTime<Utc>) -> String {
    datetime_value(*time).to_str()
}

#[cfg(test)]
mod tests {
    use crate::manifest::context::fixture::check_render;

    #[test]
    fn the_start_of_the_run_is_a_datetime_of_python() {
        for (template, expected) in [
            ("{{ run_started_at }}", "2024-05-06 07:08:09+00:00"),
            ("{{ run_started_at.strftime('%Y-%m-%d %H:%M %z %Z') }}", "2024-05-06 07:08 +0000 UTC"),
            ("{{ (run_started_at - modules.datetime.timedelta(days=1)).date() }}", "2024-05-05"),
            ("{{ run_started_at.astimezone(modules.pytz.timezone('America/New_York')) }}", "2024-05-06 03:08:09-04:00"),
            ("{{ run_started_at.replace(tzinfo=none) }}", "2024-05-06 07:08:09"),
        ] {
            check_render(template, expected);
        }
    }
}
