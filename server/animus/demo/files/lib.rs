//! A shopping cart with a discount and a receipt.

pub mod cart;
pub mod money;
pub mod receipt;
