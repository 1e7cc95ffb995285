//! Narratives that are right for certain: plain markup of allowed elements and attributes, each where
//! it may stand, with something to read. It accepts a part of what `rules/narrative.py` does; it sees
//! the text of a JSON string, quotation marks with their backslashes.
//!
//! The tables: the place of the elements, that of the attributes, then for each element the
//! attributes it may have, as two words. The slot of an element is
//!     name offset, name length, number, flags, parents (two words), children (two words);
//! the slot of an attribute
//!     name offset, name length, number, whether it is a link, …

const PARAGRAPH: u32 = 1;
const NOT_IN_PARAGRAPH: u32 = 2;
const RUNNING: u32 = 4;
const NOT_RUNNING: u32 = 8;
const ONCE: u32 = 16;
const EMPTY: u32 = 32;
const NO_TEXT: u32 = 64;
const SAYS_SOMETHING: u32 = 128;

const DEEPEST: usize = 32;
const ATTRIBUTES: usize = 12;
const NAMESPACE: &[u8] = b"xmlns=\\\"http://www.w3.org/1999/xhtml\\\"";
const QUOTE: &[u8] = b"\\\"";
const ENTITIES: [&[u8]; 5] = [b"&amp;", b"&lt;", b"&gt;", b"&quot;", b"&apos;"];

/// Where the tables are.
pub struct Markup {
    at: usize,
}

/// An element that is open.
#[derive(Clone, Copy, Default)]
struct Open {
    number: u32,
    flags: u32,
    children: u64,
    /// The flags of the elements around it and of its own; the numbers of those that stand once.
    around: u32,
    once: u64,
}

impl Markup {
    /// With tables at this place.
    pub fn new(at: usize) -> Self {
        Self { at }
    }

    /// None unless the div is right for certain.
    pub fn is_right<'a>(
        &self,
        div: &[u8],
        words: &'a [u32],
        find: impl Fn(usize, &[u8]) -> Option<&'a [u32]>,
    ) -> Option<()> {
        let elements = *words.get(self.at)? as usize;
        let attributes = *words.get(self.at + 1)? as usize;
        let mut open = [Open::default(); DEEPEST];
        let mut depth = 0;
        let mut says_something = false;
        let mut at = 0;
        while at < div.len() {
            if div[at] != b'<' {
                let (end, is_blank) = text(div, at)?;
                if depth == 0 || (open[depth - 1].flags & EMPTY != 0) {
                    return None;
                }
                if !is_blank && open[depth - 1].flags & NO_TEXT != 0 {
                    return None;
                }
                says_something |= !is_blank;
                at = end;
                continue;
            }
            at += 1;
            let closes = div.get(at) == Some(&b'/');
            at += usize::from(closes);
            let start = at;
            while at < div.len() && (div[at].is_ascii_lowercase() || div[at].is_ascii_digit()) {
                at += 1;
            }
            let slot = find(elements, div.get(start..at)?)?;
            let number = slot[2];
            if closes {
                if depth == 0 || open[depth - 1].number != number || div.get(at) != Some(&b'>') {
                    return None;
                }
                at += 1;
                depth -= 1;
                if depth == 0 {
                    return (at == div.len() && says_something).then_some(());
                }
                continue;
            }
            let (flags, bit) = (slot[3], 1u64.checked_shl(number)?);
            let (parents, children) = (pair(slot, 4), pair(slot, 6));
            let mut around = Open {
                number,
                flags,
                children,
                around: flags,
                once: 0,
            };
            if depth > 0 {
                let outer = open[depth - 1];
                let misplaced = outer.flags & EMPTY != 0
                    || outer.children & bit == 0
                    || parents & 1u64.checked_shl(outer.number)? == 0
                    || (flags & NOT_IN_PARAGRAPH != 0 && outer.around & PARAGRAPH != 0)
                    || (flags & NOT_RUNNING != 0 && outer.around & RUNNING != 0)
                    || (flags & ONCE != 0 && outer.once & bit != 0);
                if misplaced {
                    return None;
                }
                around.around |= outer.around;
                around.once = outer.once;
            } else if &div[start..at] != b"div" {
                return None;
            }
            around.once |= bit;
            let entry = self.at + 2 + number as usize * 2;
            let allowed = pair(words.get(entry..entry + 2)?, 0);
            let closed;
            (at, closed) = self.attributes(div, at, depth == 0, |name| {
                let slot = find(attributes, name)?;
                (allowed & 1u64.checked_shl(slot[2])? != 0).then_some((slot[2], slot[3] != 0))
            })?;
            says_something |= flags & SAYS_SOMETHING != 0;
            if closed {
                if depth == 0 {
                    return None;
                }
            } else {
                *open.get_mut(depth)? = around;
                depth += 1;
            }
        }
        None
    }

    /// The attributes of a tag, up to behind its `>`; whether the element ends with it.
    fn attributes(
        &self,
        div: &[u8],
        mut at: usize,
        is_root: bool,
        find: impl Fn(&[u8]) -> Option<(u32, bool)>,
    ) -> Option<(usize, bool)> {
        let mut seen = 0u64;
        let mut count = 0;
        let mut has_namespace = false;
        loop {
            match div.get(at)? {
                b'>' => break (has_namespace == is_root).then_some((at + 1, false)),
                b'/' if div.get(at + 1) == Some(&b'>') => {
                    break (has_namespace == is_root).then_some((at + 2, true));
                }
                b' ' => at += 1,
                _ => return None,
            }
            if matches!(div.get(at)?, b'/' | b'>') {
                continue;
            }
            if is_root && div.get(at..)?.starts_with(NAMESPACE) {
                if has_namespace {
                    return None;
                }
                has_namespace = true;
                at += NAMESPACE.len();
                continue;
            }
            let start = at;
            while div.get(at)?.is_ascii_lowercase() {
                at += 1;
            }
            let (number, is_link) = find(div.get(start..at)?)?;
            let bit = 1u64.checked_shl(number)?;
            count += 1;
            if seen & bit != 0 || count > ATTRIBUTES || div.get(at) != Some(&b'=') {
                return None;
            }
            seen |= bit;
            at += 1;
            if !div.get(at..)?.starts_with(QUOTE) {
                return None;
            }
            at += QUOTE.len();
            let start = at;
            while !matches!(div.get(at)?, b'\\' | b'<' | b'&') {
                at += 1;
            }
            if !div[at..].starts_with(QUOTE) || (is_link && !is_link_right(&div[start..at])) {
                return None;
            }
            at += QUOTE.len();
        }
    }
}

/// Where the text that begins here ends, and whether it is blank.
fn text(div: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut is_blank = true;
    while at < div.len() && div[at] != b'<' {
        match div[at] {
            b' ' => at += 1,
            b'\\' if matches!(div.get(at + 1), Some(b'n' | b'r' | b't')) => at += 2,
            b'\\' if matches!(div.get(at + 1), Some(b'"' | b'/' | b'\\')) => {
                is_blank = false;
                at += 2;
            }
            b'&' => {
                let rest = &div[at..];
                at += ENTITIES.iter().find(|one| rest.starts_with(one))?.len();
                is_blank = false;
            }
            b'\\' => return None,
            // The end of a CDATA section may stand nowhere else.
            b']' if div.get(at + 1) == Some(&b']') => return None,
            _ => {
                is_blank = false;
                at += 1;
            }
        }
    }
    Some((at, is_blank))
}

/// An address on the web, or in the same record.
fn is_link_right(target: &[u8]) -> bool {
    let begins: [&[u8]; 3] = [b"http://", b"https://", b"#"];
    begins.iter().any(|begin| target.starts_with(begin))
        && target
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_;?:@&=+$.,/%~#[]!'()*|-".contains(byte))
}

fn pair(words: &[u32], at: usize) -> u64 {
    u64::from(words[at]) | u64::from(words[at + 1]) << 32
}
