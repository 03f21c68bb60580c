//! Everything that speaks with Postfix.
