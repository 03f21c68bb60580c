//! What must be asked of a destination, and what Postfix is told: pure functions over plain data.

pub mod decision;
pub mod in_force;
pub mod postfix_policy;
pub mod promise;
pub mod refusal;
pub mod vouched;
mod words;
