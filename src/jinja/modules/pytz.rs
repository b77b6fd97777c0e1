//! `pytz`: the zones of the tz database.

use chrono_tz::TZ_VARIANTS;

use super::{
    super::{JinjaError, Value, function, iterate, repr},
    datetime::Zone,
};

pub(super) fn module() -> Value {
    let names = || Value::list(TZ_VARIANTS.iter().map(|zone| zone.name().into()));
    Value::dict([
        (
            "timezone",
            function("timezone", |_, args| {
                let name = args.bind("timezone", &["zone"])?.into_iter().next().flatten().unwrap_or(Value::None);
                let name = iterate::text(&name)?;
                Zone::named(&name).map(Zone::value).ok_or_else(|| JinjaError::value_error(repr::quoted(&name)))
            }),
        ),
        ("utc", Zone::PytzUtc.value()),
        ("UTC", Zone::PytzUtc.value()),
        (
            "FixedOffset",
            function("FixedOffset", |_, args| {
                let minutes = args.bind("FixedOffset", &["offset"])?.into_iter().next().flatten();
                let minutes = minutes.and_then(|minutes| minutes.as_i64()).filter(|minutes| minutes.abs() < 1440);
                let Some(minutes) = minutes else {
                    return Err(JinjaError::value_error("absolute offset is too large"));
                };
                let seconds = i32::try_from(minutes * 60).unwrap_or(0);
                Ok(if seconds == 0 { Zone::PytzUtc } else { Zone::Fixed { seconds, name: None } }.value())
            }),
        ),
        ("all_timezones", names()),
        ("common_timezones", names()),
    ])
}
