//! BM25: how much a term that was found says; never a division by zero.

/// How soon more of a term stops to count.
const K1: f64 = 1.2;

/// How telling a term is that `found` of `all` have.
pub(crate) fn idf(all: u64, found: usize) -> f64 {
    let (all, found) = (all as f64, found as f64);
    (1.0 + (all - found + 0.5).max(0.0) / (found + 0.5)).ln()
}

/// BM25's weight of a count: more of a term counts less and less, and less in long texts.
pub(crate) fn saturated(count: u32, length: f64, average: f64, b: f64) -> f64 {
    let count = f64::from(count);
    count * (K1 + 1.0) / (count + K1 * (1.0 - b + b * length / average))
}

/// Never 0, so that it divides.
pub(crate) fn mean(sum: u64, count: u64) -> f64 {
    (sum as f64 / (count.max(1)) as f64).max(f64::MIN_POSITIVE)
}
