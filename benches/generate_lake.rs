//! Writes the starter project's event lake at any scale: `cargo bench --bench generate_lake -- --events 10M --out DIR`.
//!
//! The same seed and sizes give the same rows, in any format. One file per day and bucket of customers is held in memory
//! at a time and thread, so 100M events need well under 1 GB.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command-line tool of the benchmarks")]

mod lake;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use chrono::NaiveDate;
use clap::Parser;

use lake::{Format, Plan};

#[derive(Parser, Debug)]
#[command(about = "Writes the event lake of the starter project at any scale")]
struct Flags {
    /// How many rows: 50000, 50k, 10M.
    #[arg(long, default_value = "50k", value_parser = parse_count)]
    events: u64,
    #[arg(long, default_value_t = 14)]
    days: u32,
    #[arg(long, default_value_t = 40)]
    customers: u32,
    /// Customers are spread over this many folders per day.
    #[arg(long, default_value_t = 4)]
    buckets: u32,
    /// First day of the lake.
    #[arg(long, default_value = "2026-03-01")]
    start: NaiveDate,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// The lake's root; files go to OUT/events/event_date=…/customer_bucket=…/.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Also writes customers, plans, subscriptions and exchange rates as CSV into this folder.
    #[arg(long)]
    seeds: Option<PathBuf>,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Given by `cargo bench`; without effect.
    #[arg(long, hide = true)]
    bench: bool,
}

fn parse_count(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (text.split_at(at).0, 1_000),
        Some((at, 'm' | 'M')) => (text.split_at(at).0, 1_000_000),
        Some((at, 'g' | 'G')) => (text.split_at(at).0, 1_000_000_000),
        _ => (text, 1),
    };
    let count: u64 = digits.replace('_', "").parse().map_err(|_| format!("`{text}` is not a count like 50k or 10M"))?;
    Ok(count * factor)
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let Some(out) = flags.out.clone() else {
        eprintln!("nothing to do: name a folder with --out");
        return ExitCode::SUCCESS;
    };
    let plan = Plan {
        events: flags.events,
        days: flags.days.max(1),
        customers: flags.customers.max(1),
        buckets: flags.buckets.clamp(1, flags.customers.max(1)),
        start: flags.start,
        seed: flags.seed,
    };
    let started = Instant::now();
    let written = lake::write_lake(&plan, flags.format, &out, flags.threads.max(1)).and_then(|written| {
        if let Some(folder) = &flags.seeds {
            lake::write_dimensions(&plan, folder)?;
        }
        Ok(written)
    });
    match written {
        Ok(written) => {
            let seconds = started.elapsed().as_secs_f64();
            println!("{} events, {} files, {} bytes in {seconds:.1} s", written.rows, written.files, written.bytes);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
