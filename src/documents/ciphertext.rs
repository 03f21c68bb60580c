//! Whether bytes that are said to be encrypted can be: what some programs would show as text is not.

/// Bytes that are looked at together.
const WINDOW: usize = 4096;

/// The shortest window of which the distribution of bytes says something.
const SHORTEST_WINDOW: usize = 1024;

/// Printable ASCII in a row that encryption does not give by chance: 0.39 to the power of 48 is below 10^-19.
const READABLE: usize = 48;

/// Chi-square over 256 values beyond which bytes are not evenly spread: nine standard deviations (of 22.6) above the
/// mean of 255, which happens by chance less than once in 10^11 windows.
const MAX_CHI_SQUARE: f64 = 460.0;

/// Whether every stretch of these bytes looks as if it were encrypted. Linear.
pub(super) fn is_ciphertext(bytes: &[u8]) -> bool {
    let mut run = 0;
    for byte in bytes {
        run = if byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n') { run + 1 } else { 0 };
        if run >= READABLE {
            return false;
        }
    }
    // All of something short is text, or zeros.
    let shortest = bytes.len() >= 8 && bytes.len() < READABLE;
    if shortest && (run == bytes.len() || bytes.iter().all(|byte| *byte == bytes[0])) {
        return false;
    }
    bytes.chunks(WINDOW).filter(|window| window.len() >= SHORTEST_WINDOW).all(is_even)
}

/// The shortest run of printable ASCII that is taken for text where what stands beside encrypted content is read.
const SHORTEST_RUN: usize = 8;

/// What can be read among bytes that stand beside encrypted content and are not encrypted themselves, run by run: keys
/// and names, or whatever somebody put in their stead.
pub(super) fn readable(bytes: &[u8]) -> String {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let runs = bytes.split(|byte| !is_text(byte)).filter(|run| run.len() >= SHORTEST_RUN);
    let mut text = String::new();
    for run in runs {
        text.push_str(&String::from_utf8_lossy(run));
        text.push('\n');
    }
    text
}

/// Whether all 256 values are about as frequent.
fn is_even(window: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    for byte in window {
        counts[usize::from(*byte)] += 1;
    }
    let expected = window.len() as f64 / 256.0;
    let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    chi_square < MAX_CHI_SQUARE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let step = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..length).map(step).collect()
    }

    #[test]
    fn what_stands_among_noise_is_read() {
        let bytes = [noise(100), b"610190-0005\0\x01Et navn, der er langt\xff".to_vec(), noise(100)].concat();
        let text = readable(&bytes);
        assert!(text.contains("610190-0005") && text.contains("Et navn, der er langt"), "{text}");
    }

    #[test]
    fn noise_is_told_from_what_can_be_read() {
        let text = b"Hej, du. Her er et helt almindeligt brev, som enhver kan l\xe6se.".as_slice();
        let wide: Vec<u8> = "Et brev i UTF-16. ".repeat(200).encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, expected) in [
            (noise(12), true),
            (noise(100_000), true),
            (text.to_vec(), false),
            (text[..20].to_vec(), false),
            ([noise(50_000), text.to_vec(), noise(50_000)].concat(), false),
            ([noise(50_000), wide].concat(), false),
            (vec![0; 5000], false),
            (vec![0; 20], false),
        ] {
            assert_eq!(is_ciphertext(&bytes), expected, "{} bytes", bytes.len());
        }
    }
}
