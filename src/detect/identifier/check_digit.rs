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
    digits.iter().fold(0, |remainder, digit| (remainder * 10 + u64::from(digit - b'0')) % modulus)
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
