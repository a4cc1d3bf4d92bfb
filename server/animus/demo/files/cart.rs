//! Cart: what a customer takes, and one discount for all of it.

use crate::money::Money;

/// Some pieces of one thing.
pub struct Line {
    pub name: String,
    pub price: Money,
    pub count: u64,
}

/// A cart.
#[derive(Default)]
pub struct Cart {
    lines: Vec<Line>,
    discount: u64,
}

impl Cart {
    /// Puts something in.
    pub fn add(&mut self, name: &str, price: Money, count: u64) {
        self.lines.push(Line {
            name: name.to_string(),
            price,
            count,
        });
    }

    /// Sets the discount, in percent of the whole cart.
    pub fn set_discount(&mut self, percent: u64) {
        self.discount = percent.min(100);
    }

    /// What is in it.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The sum before the discount.
    pub fn subtotal(&self) -> Money {
        self.lines
            .iter()
            .map(|line| line.price.times(line.count))
            .sum()
    }

    /// The sum to pay.
    pub fn total(&self) -> Money {
        self.lines
            .iter()
            .map(|line| {
                let price = line.price.minus(line.price.percent(self.discount));
                price.times(line.count)
            })
            .sum()
    }
}
