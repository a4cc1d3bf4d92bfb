//! What a customer pays.

use till::cart::Cart;
use till::money::Money;
use till::receipt::receipt;

#[test]
fn without_a_discount_the_prices_add_up() {
    let mut cart = Cart::default();
    cart.add("apple", Money(50), 3);
    cart.add("bread", Money(320), 1);
    assert_eq!(cart.total(), Money(470));
}

#[test]
fn the_discount_is_taken_once_and_rounded_to_the_cent() {
    let mut cart = Cart::default();
    cart.add("notebook", Money(99), 3);
    cart.set_discount(10);
    // 2.97 less 0.297, which is 0.30 to the nearest cent.
    assert_eq!(cart.total(), Money(267));
}

#[test]
fn the_receipt_ends_with_the_sum() {
    let mut cart = Cart::default();
    cart.add("tea", Money(405), 2);
    assert!(receipt(&cart).trim_end().ends_with("8.10"));
}
