//! Transformations of coordinates (ISO 32000-2, 8.3.4).

use hayro_syntax::object::{Array, Object};

/// `[a b c d e f]`: x' = a x + c y + e, y' = b x + d y + f.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix(pub(super) [f64; 6]);

impl Matrix {
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    pub(super) fn translation(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// Of the first six numbers of an array.
    pub(super) fn of_array(array: &Array<'_>) -> Option<Self> {
        let mut numbers = [0.0; 6];
        let mut given = array.iter::<Object<'_>>();
        for slot in &mut numbers {
            let Object::Number(number) = given.next()? else { return None };
            *slot = number.as_f64();
        }
        Some(Self(numbers))
    }

    /// First this, then the other.
    pub(super) fn then(self, other: Self) -> Self {
        let ([a, b, c, d, e, f], [k, l, m, n, o, p]) = (self.0, other.0);
        Self([a * k + b * m, a * l + b * n, c * k + d * m, c * l + d * n, e * k + f * m + o, e * l + f * n + p])
    }

    /// Where a point goes.
    pub(super) fn point(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    /// Where a direction goes.
    pub(super) fn direction(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, ..] = self.0;
        (a * x + c * y, b * x + d * y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comes_first() {
        let scale = Matrix([2.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
        let moved = Matrix::translation(1.0, 0.0);
        assert_eq!(moved.then(scale).point(1.0, 1.0), (4.0, 2.0));
        assert_eq!(scale.then(moved).point(1.0, 1.0), (3.0, 2.0));
    }
}
