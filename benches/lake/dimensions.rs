//! The small tables beside the lake: customers, plans, subscriptions, exchange rates. They become the project's seeds.

use std::{fs, io, path::Path};

use chrono::{Datelike, Months, NaiveDate};

use super::{
    Plan,
    rng::{Rng, mix},
};

pub struct PlanInfo {
    pub id: &'static str,
    pub name: &'static str,
    /// Per seat and month.
    pub price_cents: u32,
    pub included_seats: u32,
}

pub const PLANS: [PlanInfo; 4] = [
    PlanInfo { id: "starter", name: "Starter", price_cents: 1_900, included_seats: 1 },
    PlanInfo { id: "team", name: "Team", price_cents: 3_900, included_seats: 5 },
    PlanInfo { id: "business", name: "Business", price_cents: 7_900, included_seats: 20 },
    PlanInfo { id: "enterprise", name: "Enterprise", price_cents: 14_900, included_seats: 50 },
];

pub const CURRENCIES: [&str; 3] = ["USD", "EUR", "GBP"];

/// USD per unit in hundredths of a cent, at the first month.
const RATES: [i64; 3] = [10_000, 10_850, 12_700];

pub fn currency_of(customer: u32) -> u8 {
    match mix(u64::from(customer) ^ 0xC0FFEE) % 10 {
        0..=5 => 0,
        6..=8 => 1,
        _ => 2,
    }
}

pub fn customer_id(customer: u32) -> String {
    format!("cust_{:04}", customer + 1)
}

/// Writes the four CSV files into `folder`.
pub fn write_dimensions(plan: &Plan, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("customers.csv"), customers(plan))?;
    fs::write(folder.join("plans.csv"), plans())?;
    fs::write(folder.join("subscriptions.csv"), subscriptions(plan))?;
    fs::write(folder.join("exchange_rates.csv"), exchange_rates(plan))
}

const FIRST: [&str; 10] = ["Blue", "North", "Bright", "Quick", "Silver", "Green", "Clear", "Solid", "Open", "Prime"];
const SECOND: [&str; 10] =
    ["Harbor", "Field", "Logic", "Forge", "Metrics", "Bakery", "Freight", "Clinic", "Studio", "Energy"];
const COUNTRIES: [[&str; 4]; 3] = [["US", "CA", "US", "AU"], ["DE", "FR", "NL", "ES"], ["GB", "GB", "GB", "IE"]];
const SEGMENTS: [&str; 3] = ["small", "mid-market", "enterprise"];

fn customers(plan: &Plan) -> String {
    let mut text = String::from("customer_id,customer_name,segment,country,billing_currency,signed_up_on\n");
    for customer in 0..plan.customers {
        let mut rng = Rng::new(plan.seed, &[2, u64::from(customer)]);
        let currency = usize::from(currency_of(customer));
        let country = COUNTRIES.get(currency).map_or("US", |countries| rng.pick(countries, "US"));
        let signed_up = months_before(plan, 20 - i64::from(customer % 18), 1 + (customer % 27));
        let first = FIRST.get(customer as usize % FIRST.len()).copied().unwrap_or_default();
        let second = SECOND.get((customer as usize / FIRST.len() + customer as usize) % SECOND.len());
        let second = second.copied().unwrap_or_default();
        let suffix = if customer >= 100 { format!(" {customer}") } else { String::new() };
        text += &format!(
            "{},{first} {second}{suffix},{},{country},{},{signed_up}\n",
            customer_id(customer),
            SEGMENTS.get(mix(u64::from(customer)) as usize % 3).copied().unwrap_or_default(),
            CURRENCIES.get(currency).copied().unwrap_or("USD"),
        );
    }
    text
}

fn plans() -> String {
    let mut text = String::from("plan_id,plan_name,price_per_seat_usd,included_seats,tier\n");
    for (tier, plan) in PLANS.iter().enumerate() {
        text +=
            &format!("{},{},{},{},{}\n", plan.id, plan.name, money(plan.price_cents), plan.included_seats, tier + 1);
    }
    text
}

/// One to three contracts after each other per customer; upgrades, downgrades, pauses and cancellations.
fn subscriptions(plan: &Plan) -> String {
    let mut text =
        String::from("subscription_id,customer_id,plan_id,seats,currency,price_per_seat,started_on,ended_on\n");
    let mut number = 0;
    for customer in 0..plan.customers {
        let mut rng = Rng::new(plan.seed, &[3, u64::from(customer)]);
        let currency = usize::from(currency_of(customer));
        let rate = RATES.get(currency).copied().unwrap_or(10_000);
        let mut tier = (mix(u64::from(customer)) % 4) as usize;
        let mut seats = rng.between(1, 30);
        let mut months_ago = rng.between(4, 9);
        let contracts = rng.between(1, 3);
        for contract in 0..contracts {
            number += 1;
            let Some(info) = PLANS.get(tier) else { continue };
            let started = months_before(plan, months_ago, 1);
            let length = rng.between(1, 4);
            let last = contract + 1 == contracts || months_ago - length < 0;
            let cancelled = last && months_ago > 0 && rng.chance(2_500);
            let ended = if last && !cancelled {
                String::new()
            } else {
                months_before(plan, (months_ago - length).max(0), 1).to_string()
            };
            let local_cents = (i64::from(info.price_cents) * 10_000 + rate / 2) / rate;
            text += &format!(
                "sub_{number:05},{},{},{seats},{},{},{started},{ended}\n",
                customer_id(customer),
                info.id,
                CURRENCIES.get(currency).copied().unwrap_or("USD"),
                money(local_cents as u32),
            );
            if last {
                break;
            }
            months_ago -= length + i64::from(rng.chance(1_500));
            tier = (tier + usize::from(rng.chance(4_000))).min(3);
            seats = (seats + rng.between(-4, 9)).max(1);
            if months_ago < 0 {
                break;
            }
        }
    }
    text
}

fn exchange_rates(plan: &Plan) -> String {
    let mut text = String::from("rate_month,currency,usd_per_unit\n");
    let months = 14 + plan.days / 28;
    for month in 0..months {
        let date = months_before(plan, 12 - i64::from(month), 1);
        for (at, currency) in CURRENCIES.iter().enumerate() {
            let base = RATES.get(at).copied().unwrap_or(10_000);
            let mut rng = Rng::new(plan.seed, &[4, u64::from(month), at as u64]);
            let rate = if at == 0 { base } else { base + rng.between(-250, 250) };
            text += &format!("{date},{currency},{}.{:04}\n", rate / 10_000, rate % 10_000);
        }
    }
    text
}

/// A day of the month that lies `months` before the lake's first month.
fn months_before(plan: &Plan, months: i64, day: u32) -> NaiveDate {
    let first = plan.start.with_day(1).unwrap_or(plan.start);
    let month = if months >= 0 {
        first.checked_sub_months(Months::new(months as u32))
    } else {
        first.checked_add_months(Months::new(months.unsigned_abs() as u32))
    };
    month.and_then(|month| month.with_day(day)).unwrap_or(first)
}

fn money(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
