//! Figure: measured times, tokens and money in words a person reads at a glance; what is unknown says so.

use protocol::Usage;

/// A time in milliseconds.
pub fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// A count with commas between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Tokens and money, estimates marked `~`.
pub fn cost(usage: &Usage) -> String {
    let mark = if usage.estimated { "~" } else { "" };
    let cached = match usage.cached_tokens {
        0 => String::new(),
        cached => format!(" ({} cached)", count(cached)),
    };
    let cost = match usage.cost_micro_usd {
        None => "price unknown".to_owned(),
        Some(0) => money(0),
        Some(micro) => format!("{mark}{}", money(micro)),
    };
    let (sent, received) = (count(usage.input_tokens), count(usage.output_tokens));
    format!("{mark}{sent} tokens in{cached}, {mark}{received} out · {cost}")
}

/// Micro-dollars, with more digits the less it is.
pub fn money(micro: u64) -> String {
    let (dollars, rest) = (micro / 1_000_000, micro % 1_000_000);
    match micro {
        0 => "$0".to_owned(),
        1..10_000 => format!("${dollars}.{rest:06}"),
        _ => format!("${dollars}.{:04}", rest / 100),
    }
}

/// `1 file`, `2 files`.
pub fn plural(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{cost, count, time};
    use protocol::Usage;

    #[test]
    fn reads_well() {
        assert_eq!(
            [time(0), time(999), time(1_240), time(61_000)],
            ["0 ms", "999 ms", "1.2 s", "1 min 01 s"]
        );
        assert_eq!(
            [count(7), count(1_234), count(1_234_567)],
            ["7", "1,234", "1,234,567"]
        );
    }

    #[test]
    fn m2_an_unknown_price_is_not_zero() {
        let usage = |cost_micro_usd, estimated| Usage {
            input_tokens: 12_000,
            cached_tokens: 9_000,
            output_tokens: 34,
            cost_micro_usd,
            estimated,
            ..Usage::default()
        };
        assert_eq!(
            cost(&usage(None, false)),
            "12,000 tokens in (9,000 cached), 34 out · price unknown"
        );
        assert_eq!(
            cost(&usage(Some(0), false)),
            "12,000 tokens in (9,000 cached), 34 out · $0"
        );
        assert_eq!(
            cost(&usage(Some(123), true)),
            "~12,000 tokens in (9,000 cached), ~34 out · ~$0.000123"
        );
        assert_eq!(
            cost(&usage(Some(1_234_567), false)),
            "12,000 tokens in (9,000 cached), 34 out · $1.2345"
        );
    }
}
