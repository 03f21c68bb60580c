//! The arithmetic of check digits that several kinds of number share. Values are ASCII digits.

/// The sum of the digits, each times its weight.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum()
}

/// ISO/IEC 7812-1 annex B (Luhn): every second digit from the right doubled.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match u32::from(digit - b'0') {
            digit if at % 2 == 0 => digit,
            digit if digit < 5 => digit * 2,
            digit => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO/IEC 7064 modulus 11,10: the last digit checks the others.
pub(super) fn modulus_11_10(digits: &[u8]) -> bool {
    let Some((last, others)) = digits.split_last() else { return false };
    let product = others.iter().fold(10, |product, digit| {
        let sum = (product + u32::from(digit - b'0')) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + u32::from(last - b'0')) % 10 == 1
}

/// The remainder of a number of any length.
pub(super) fn remainder(digits: &[u8], modulus: u64) -> u64 {
    // A division takes its time: so many digits at once are less than 2^64, with a remainder of any modulus below 1000 before
    // them.
    const AT_ONCE: usize = 16;
    debug_assert!(modulus < 1000);
    digits.chunks(AT_ONCE).fold(0, |remainder, digits| {
        digits.iter().fold(remainder, |number, digit| number * 10 + u64::from(digit - b'0')) % modulus
    })
}

/// The sum of the digits of each product: of these digits, each times its weight.
pub(super) fn digit_sums(digits: &[u8], weights: &[u32]) -> u32 {
    let products = digits.iter().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight);
    products.map(|product| product / 10 + product % 10).sum()
}

/// A Latin capital letter's place in the alphabet, from 01, as two digits.
pub(super) fn letter_number(letter: u8) -> [u8; 2] {
    let place = letter.wrapping_sub(b'A') % 26 + 1;
    [b'0' + place / 10, b'0' + place % 10]
}

/// The check digit of Verhoeff (1969): the last digit checks the others, permuted by place, in the dihedral group of
/// order ten.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTED: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // Rotations are 0 to 4, reflections 5 to 9.
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let places = digits.iter().rev().zip(PERMUTED.iter().cycle());
    places.fold(0, |product_so_far, (digit, row)| product(product_so_far, row[usize::from(digit - b'0')])) == 0
}

/// ICAO 9303-3 section 4.9: signs as numbers (letters from 10, the filler `<` as 0), weights 7, 3, 1, modulus 10.
pub(super) fn machine_readable(signs: &[u8]) -> u32 {
    let value = |sign: &u8| match sign {
        b'0'..=b'9' => u32::from(sign - b'0'),
        b'A'..=b'Z' => u32::from(sign - b'A') + 10,
        _ => 0,
    };
    signs.iter().zip([7, 3, 1].into_iter().cycle()).map(|(sign, weight)| value(sign) * weight).sum::<u32>() % 10
}

/// Modulus 11 in two stages, as the Baltic states have it: the last digit is the remainder of the others weighted 1 to
/// 9 and 1 again; where that is 10, of the others weighted 3 to 9 and 1 to 3 again; where that is 10 as well, it is 0.
pub(super) fn two_stage_modulus_11(digits: &[u8]) -> bool {
    let Some((last, others)) = digits.split_last() else { return false };
    let stage = |first: u32| {
        let weights = (0..9).cycle().skip(first as usize).map(|weight| weight + 1);
        others.iter().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum::<u32>() % 11
    };
    let check = match stage(0) {
        10 => stage(2) % 10,
        remainder => remainder,
    };
    u32::from(last - b'0') == check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_fit() {
        assert_eq!(digit_sums(b"5609", &[2, 1, 2, 1]), 1 + 6 + 9);
        assert_eq!([letter_number(b'A'), letter_number(b'Z')], [*b"01", *b"26"]);
        assert!(verhoeff(b"2363"));
        assert!(!verhoeff(b"2364"));
        assert!(verhoeff(b"84736430954837284567892"));
        assert_eq!([machine_readable(b"520727"), machine_readable(b"AB2134<<<")], [3, 5]);
        assert!(luhn(b"4111111111111111"));
        assert!(!luhn(b"4111111111111112"));
        assert!(two_stage_modulus_11(b"55702140003"));
        assert!(!two_stage_modulus_11(b"55702140004"));
        assert!(modulus_11_10(b"07945"));
        assert!(!modulus_11_10(b"07946"));
        assert_eq!(
            u128::from(remainder(b"123456789012345678901234567890", 97)),
            123_456_789_012_345_678_901_234_567_890 % 97
        );
        assert_eq!(weighted(b"123", &[3, 2, 1]), 10);
    }
}
