//! What users do: sessions of events, and what goes wrong on the way into the lake. Arrival decides the day's folder.

use super::{
    Plan,
    dimensions::{CURRENCIES, PLANS, currency_of},
    rng::{Rng, mix},
};

pub const KINDS: [&str; 8] =
    ["page_view", "click", "feature_use", "signup", "trial_start", "conversion", "error", "debug_ping"];
const PAGE_VIEW: u8 = 0;
const CLICK: u8 = 1;
const FEATURE_USE: u8 = 2;
const SIGNUP: u8 = 3;
const TRIAL_START: u8 = 4;
pub const CONVERSION: u8 = 5;
pub const ERROR: u8 = 6;
const DEBUG_PING: u8 = 7;

pub const PAGES: [&str; 7] = ["/", "/docs", "/pricing", "/dashboard", "/reports", "/settings", "/billing"];
const PRICING: u8 = 2;
const BILLING: u8 = 6;
pub const DEVICES: [&str; 3] = ["desktop", "mobile", "tablet"];

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How a text was mangled on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Upper,
    Capital,
    Padded,
    Blank,
    Missing,
}

/// One row of the lake, before it is text.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub id: u64,
    pub id_missing: bool,
    pub customer: u32,
    pub customer_style: Style,
    pub user: u32,
    pub kind: u8,
    pub kind_style: Style,
    /// By the device's clock, milliseconds.
    pub event_ms: i64,
    pub received_ms: i64,
    pub version: u8,
    pub page: u8,
    pub plan: u8,
    pub amount_cents: u32,
    pub currency: u8,
    pub device: u8,
    pub error_code: u16,
    pub truncated: bool,
}

impl Row {
    pub fn plan_name(&self) -> &'static str {
        PLANS.get(usize::from(self.plan)).map_or("", |plan| plan.id)
    }

    pub fn currency_name(&self) -> &'static str {
        CURRENCIES.get(usize::from(self.currency)).copied().unwrap_or("USD")
    }
}

/// The events of one bucket of customers, day by day.
pub struct BucketEvents<'a> {
    plan: &'a Plan,
    bucket: u32,
    /// `(cumulative weight, customer)`: early customers are bigger.
    customers: Vec<(u64, u32)>,
    /// Deliveries that are repeated on the next day.
    redelivered: Vec<Row>,
}

impl<'a> BucketEvents<'a> {
    pub fn new(plan: &'a Plan, bucket: u32) -> Self {
        let mut weight = 0;
        let customers = (0..plan.customers)
            .filter(|customer| customer % plan.buckets == bucket)
            .map(|customer| {
                weight += 1_000_000 / u64::from(customer / plan.buckets + 3);
                (weight, customer)
            })
            .collect();
        Self { plan, bucket, customers, redelivered: Vec::new() }
    }

    /// The rows that arrive on a day, in order of arrival.
    pub fn day(&mut self, day: u32) -> Vec<Row> {
        let wanted = self.plan.rows(day, self.bucket) as usize;
        let mut rng = Rng::new(self.plan.seed, &[1, u64::from(day), u64::from(self.bucket)]);
        let mut rows: Vec<Row> = Vec::with_capacity(wanted);
        rows.append(&mut self.redelivered);
        rows.truncate(wanted);
        let mut ids = (u64::from(day) * u64::from(self.plan.buckets) + u64::from(self.bucket)) << 32;
        while rows.len() < wanted {
            self.session(day, &mut rng, &mut ids, &mut rows, wanted);
        }
        rows.sort_by_key(|row| (row.received_ms, row.id));
        rows
    }

    fn session(&mut self, day: u32, rng: &mut Rng, ids: &mut u64, rows: &mut Vec<Row>, wanted: usize) {
        let visit = self.visit(day, rng);
        let mut at = visit.first_ms;
        for kind in script(&visit, day, rng) {
            if rows.len() >= wanted || at + visit.delay_ms >= visit.day_end_ms {
                return;
            }
            *ids += 1;
            let row = visit.row(kind, mix(*ids ^ mix(self.plan.seed)), at, rng);
            rows.push(row);
            if rng.chance(150) {
                self.repeat(row, &visit, rng, rows, wanted, day);
            }
            at += 1_000 + rng.between(0, 40_000) * rng.between(1, 4);
        }
    }

    /// At-least-once delivery: the same event again, seconds later or on the next day.
    fn repeat(&mut self, row: Row, visit: &Visit, rng: &mut Rng, rows: &mut Vec<Row>, wanted: usize, day: u32) {
        let again = row.received_ms + rng.between(500, 90_000);
        if rng.chance(7_500) {
            if rows.len() < wanted && again < visit.day_end_ms {
                rows.push(Row { received_ms: again, ..row });
            }
        } else if day + 1 < self.plan.days {
            self.redelivered.push(Row { received_ms: visit.day_end_ms + rng.between(0, 10 * HOUR), ..row });
        }
    }

    fn visit(&self, day: u32, rng: &mut Rng) -> Visit {
        let heaviest = self.customers.last().map_or(1, |(weight, _)| *weight);
        let point = rng.below(heaviest);
        let at = self.customers.partition_point(|(weight, _)| *weight <= point);
        let customer = self.customers.get(at).map_or(0, |(_, customer)| *customer);
        let user = rng.below(u64::from(self.plan.users_per_customer())) as u32;
        let person = mix(u64::from(customer) << 32 | u64::from(user));
        let days = i64::from(self.plan.days);

        let day_start = self.plan.day_start(day);
        // Two uniform numbers: most visits are around noon.
        let arrival = day_start + (rng.between(0, DAY - 1) + rng.between(0, DAY - 1)) / 2;
        let mut delay = rng.between(20, 2_500);
        let since_start = arrival - self.plan.day_start(0);
        if rng.chance(120) && since_start > 3 * HOUR {
            delay = rng.between(2 * HOUR, 40 * HOUR).min(since_start - HOUR);
        }
        let skew = if rng.chance(50) { rng.between(10 * MINUTE, 180 * MINUTE) } else { 0 };
        Visit {
            customer,
            user,
            first_ms: arrival - delay,
            delay_ms: delay,
            skew_ms: skew,
            day_end_ms: day_start + DAY,
            signup_day: (person % (2 * days as u64)) as i64 - days,
            version: version_on(day, person),
            device: (person >> 8) as u8 % 3,
            plan: (mix(u64::from(customer)) % 4) as u8,
            currency: currency_of(customer),
        }
    }
}

/// The client's schema version: each user updates at some day, twice.
fn version_on(day: u32, person: u64) -> u8 {
    let day = u64::from(day);
    1 + u8::from(day >= (person >> 16) % 9) + u8::from(day >= 5 + (person >> 24) % 12)
}

/// One visit of a user.
struct Visit {
    customer: u32,
    user: u32,
    /// When it really began.
    first_ms: i64,
    /// From event to arrival.
    delay_ms: i64,
    /// How far the device's clock is ahead.
    skew_ms: i64,
    day_end_ms: i64,
    signup_day: i64,
    version: u8,
    device: u8,
    plan: u8,
    currency: u8,
}

impl Visit {
    fn row(&self, (kind, page): (u8, u8), id: u64, at: i64, rng: &mut Rng) -> Row {
        let dirt = rng.below(10_000);
        let plan_price = PLANS.get(usize::from(self.plan)).map_or(0, |plan| plan.price_cents);
        let amount_cents = if kind == CONVERSION { plan_price * rng.between(1, 12) as u32 } else { 0 };
        Row {
            id,
            id_missing: dirt < 5,
            customer: self.customer,
            customer_style: match dirt {
                5..=29 => Style::Missing,
                30..=39 => Style::Blank,
                40..=219 => Style::Upper,
                220..=399 => Style::Padded,
                400..=519 => Style::Capital,
                _ => Style::Plain,
            },
            user: self.user,
            kind: if (520..530).contains(&dirt) { DEBUG_PING } else { kind },
            kind_style: match dirt {
                530..=659 => Style::Upper,
                660..=789 => Style::Padded,
                790..=919 => Style::Capital,
                _ => Style::Plain,
            },
            event_ms: at + self.skew_ms,
            received_ms: at + self.delay_ms,
            version: self.version,
            page,
            plan: self.plan,
            amount_cents,
            currency: self.currency,
            device: self.device,
            error_code: if kind == ERROR { rng.pick(&[400, 403, 404, 429, 500, 503], 500) } else { 0 },
            truncated: (920..940).contains(&dirt),
        }
    }
}

/// What happens in a visit: `(kind, page)` in order.
fn script(visit: &Visit, day: u32, rng: &mut Rng) -> Vec<(u8, u8)> {
    let mut steps = vec![(PAGE_VIEW, 0)];
    let length = 2 + rng.below(7) + rng.below(9);
    for _ in 0..length {
        let page = rng.below(PAGES.len() as u64) as u8;
        let kind = match rng.below(100) {
            0..=44 => PAGE_VIEW,
            45..=74 => CLICK,
            75..=96 => FEATURE_USE,
            _ => ERROR,
        };
        steps.push((kind, page));
    }
    if visit.signup_day == i64::from(day) {
        steps.push((PAGE_VIEW, PRICING));
        if rng.chance(7_000) {
            steps.push((SIGNUP, PRICING));
            if rng.chance(8_000) {
                steps.push((TRIAL_START, 3));
            }
        }
    } else if visit.signup_day < i64::from(day) && rng.chance(350) {
        steps.extend([(PAGE_VIEW, PRICING), (CLICK, BILLING), (CONVERSION, BILLING)]);
    }
    steps
}
