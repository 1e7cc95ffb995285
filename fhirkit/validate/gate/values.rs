//! Values of primitive types that are right for certain: a part of what `rules/primitive.py` accepts.
//! They are in ASCII, without escapes.

/// No white space but single spaces inside.
pub fn is_code(value: &[u8]) -> bool {
    let mut after_space = true;
    for &byte in value {
        let is_space = byte == b' ';
        if is_space && after_space {
            return false;
        }
        after_space = is_space;
    }
    !after_space
}

/// 1 to 64 letters, digits, dots and hyphens.
pub fn is_id(value: &[u8]) -> bool {
    (1..=64).contains(&value.len())
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn is_token(value: &[u8]) -> bool {
    !value.is_empty() && !value.contains(&b' ')
}

/// No white space; a URN of an OID or UUID is one.
pub fn is_uri(value: &[u8]) -> bool {
    if !is_token(value) || value.starts_with(b"oid:") || value.starts_with(b"uuid:") {
        return false;
    }
    if let Some(rest) = value.strip_prefix(b"urn:oid:") {
        return is_oid(rest);
    }
    match value.strip_prefix(b"urn:uuid:") {
        Some(rest) => is_uuid(rest),
        None => true,
    }
}

/// An absolute URL or URN, or what leads into the same resource.
pub fn is_canonical(value: &[u8]) -> bool {
    let begins: [&[u8]; 5] = [b"http://", b"https://", b"#", b"urn:oid:", b"urn:uuid:"];
    is_uri(value) && begins.iter().any(|begin| value.starts_with(begin))
}

/// Four numbers or more, the first of them 0, 1 or 2.
fn is_oid(value: &[u8]) -> bool {
    let mut numbers = 0;
    for part in value.split(|&byte| byte == b'.') {
        let right = !part.is_empty()
            && part.iter().all(u8::is_ascii_digit)
            && (part.len() == 1 || part[0] != b'0');
        if !right || (numbers == 0 && !matches!(part, b"0" | b"1" | b"2")) {
            return false;
        }
        numbers += 1;
    }
    numbers >= 4
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(index, &byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Whole groups of four, padded at the end.
pub fn is_base64(value: &[u8]) -> bool {
    let padding = value.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = &value[..value.len() - padding];
    !value.is_empty()
        && value.len() % 4 == 0
        && padding <= 2
        && body
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// The number that two digits make.
fn two(value: &[u8], at: usize) -> Option<u32> {
    let digits = value.get(at..at + 2)?;
    let is_number = digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| u32::from(digits[0] - b'0') * 10 + u32::from(digits[1] - b'0'))
}

/// How long the date at the beginning is: a year, a month or a day that exists.
pub fn date(value: &[u8]) -> Option<usize> {
    let century = two(value, 0)?;
    let year = century * 100 + two(value, 2)?;
    if century != 19 && century != 20 {
        return None;
    }
    if value.get(4) != Some(&b'-') {
        return Some(4);
    }
    let month = two(value, 5)?;
    if !(1..=12).contains(&month) {
        return None;
    }
    if value.get(7) != Some(&b'-') {
        return Some(7);
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=days).contains(&two(value, 8)?).then_some(10)
}

/// How long the hours, minutes and seconds at the beginning are.
pub fn clock(value: &[u8]) -> Option<usize> {
    let right = two(value, 0)? < 24
        && value.get(2) == Some(&b':')
        && two(value, 3)? < 60
        && value.get(5) == Some(&b':')
        && two(value, 6)? < 60;
    right.then_some(8)
}

/// A moment with its zone.
pub fn is_instant(value: &[u8]) -> bool {
    date(value) == Some(10) && value.get(10) == Some(&b'T') && is_zoned(&value[11..]).is_some()
}

/// A date, or a moment with its zone.
pub fn is_date_time(value: &[u8]) -> bool {
    match date(value) {
        Some(length) if length == value.len() => true,
        Some(10) => is_instant(value),
        _ => false,
    }
}

/// A time of day with its zone.
fn is_zoned(value: &[u8]) -> Option<()> {
    let mut rest = value.get(clock(value)?..)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if !(1..=9).contains(&count) {
            return None;
        }
        rest = &fraction[count..];
    }
    if rest == b"Z" {
        return Some(());
    }
    let right = rest.len() == 6
        && matches!(rest[0], b'+' | b'-')
        && two(rest, 1)? < 14
        && rest[3] == b':'
        && two(rest, 4)? < 60;
    right.then_some(())
}
