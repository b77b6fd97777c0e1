//! The event lake: what happens on a day, and how it is written.

mod dimensions;
mod events;
mod rng;
mod write;

use std::{
    fs, io,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::{Days, NaiveDate};

pub use dimensions::write_dimensions;
pub use write::Format;

/// The sizes of a lake. Equal plans make equal rows.
#[derive(Debug, Clone)]
pub struct Plan {
    pub events: u64,
    pub days: u32,
    pub customers: u32,
    pub buckets: u32,
    pub start: NaiveDate,
    pub seed: u64,
}

impl Plan {
    pub fn date(&self, day: u32) -> NaiveDate {
        self.start.checked_add_days(Days::new(u64::from(day))).unwrap_or(self.start)
    }

    /// Milliseconds since the epoch at the start of a day.
    fn day_start(&self, day: u32) -> i64 {
        self.date(day).and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
    }

    /// Rows of the file of a day and bucket; weekends are quieter, and the sum over all files is `events`.
    fn rows(&self, day: u32, bucket: u32) -> u64 {
        let shares: Vec<u64> = (0..self.days).map(|day| self.weight(day)).collect();
        let total: u64 = shares.iter().sum();
        let upto = |days: u32| -> u64 {
            let share: u64 = shares.iter().take(days as usize).sum();
            (u128::from(self.events) * u128::from(share) / u128::from(total.max(1))) as u64
        };
        let of_day = upto(day + 1) - upto(day);
        let buckets = u64::from(self.buckets);
        of_day * u64::from(bucket + 1) / buckets - of_day * u64::from(bucket) / buckets
    }

    fn weight(&self, day: u32) -> u64 {
        use chrono::{Datelike, Weekday};
        match self.date(day).weekday() {
            Weekday::Sat | Weekday::Sun => 6,
            _ => 10,
        }
    }

    fn users_per_customer(&self) -> u32 {
        let users = (self.events / 60).max(u64::from(self.customers) * 5);
        (users / u64::from(self.customers)).clamp(1, u64::from(u32::MAX)) as u32
    }
}

/// What was written.
#[derive(Debug, Default, Clone, Copy)]
pub struct Written {
    pub rows: u64,
    pub files: u64,
    pub bytes: u64,
}

/// Writes all files; buckets are spread over threads, days of one bucket are in order.
pub fn write_lake(plan: &Plan, format: Format, out: &Path, threads: usize) -> io::Result<Written> {
    let next = AtomicU32::new(0);
    let total = Mutex::new(Written::default());
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let bucket = next.fetch_add(1, Ordering::Relaxed);
                    if bucket >= plan.buckets {
                        return;
                    }
                    match write_bucket(plan, format, out, bucket) {
                        Ok(written) => {
                            let mut total = total.lock().unwrap_or_else(|poison| poison.into_inner());
                            total.rows += written.rows;
                            total.files += written.files;
                            total.bytes += written.bytes;
                        }
                        Err(error) => {
                            *failed.lock().unwrap_or_else(|poison| poison.into_inner()) = Some(error);
                            return;
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(|poison| poison.into_inner()) {
        Some(error) => Err(error),
        None => Ok(total.into_inner().unwrap_or_else(|poison| poison.into_inner())),
    }
}

fn write_bucket(plan: &Plan, format: Format, out: &Path, bucket: u32) -> io::Result<Written> {
    let mut bucket_events = events::BucketEvents::new(plan, bucket);
    let mut written = Written::default();
    for day in 0..plan.days {
        let rows = bucket_events.day(day);
        let folder =
            out.join("events").join(format!("event_date={}", plan.date(day))).join(format!("customer_bucket={bucket}"));
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("part-000.{}", format.extension()));
        write::write_file(&file, format, &rows)?;
        written.rows += rows.len() as u64;
        written.files += 1;
        written.bytes += fs::metadata(&file)?.len();
    }
    Ok(written)
}
