//! Receipt: a cart in words, a line for each thing and the sum last.

use crate::cart::Cart;

/// The receipt's text.
pub fn receipt(cart: &Cart) -> String {
    let mut text = String::new();
    for line in cart.lines() {
        let sum = line.price.times(line.count);
        text.push_str(&format!(
            "{:>3} x {:<20} {:>8}\n",
            line.count,
            line.name,
            sum.to_string()
        ));
    }
    text.push_str(&format!(
        "{:<26} {:>8}\n",
        "to pay",
        cart.total().to_string()
    ));
    text
}
