//! Money: a whole number of cents, never negative.

use std::fmt;

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub u64);

impl Money {
    /// This many times the amount.
    pub fn times(self, count: u64) -> Money {
        Money(self.0 * count)
    }

    /// A share of the amount.
    pub fn percent(self, percent: u64) -> Money {
        Money(self.0 * percent / 100)
    }

    /// The amount without another one, at least nothing.
    pub fn minus(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        Money(amounts.map(|amount| amount.0).sum())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Money;

    #[test]
    fn shows_two_digits() {
        assert_eq!(Money(1_205).to_string(), "12.05");
    }

    #[test]
    fn is_never_negative() {
        assert_eq!(Money(5).minus(Money(9)), Money(0));
    }
}
