//! Whether the shape of a resource in JSON is right for certain: one pass over the bytes, with the
//! tables that `tables.py` makes of the shapes. It accepts less than the walk does, never more;
//! whoever is not accepted is looked at by the walk, which explains. No value is kept or returned.
//!
//! The tables are 32-bit words. A shape is
//!     hash mask, flags, number of required bits, those bits …, then (mask + 1) slots of eight:
//!     name offset, name length (0: free), bit, bit of the choice (NONE: none), kind, shape of the
//!     value, least, most.
//! Every access is checked; a panic counts as "not certain".

mod markup;
mod values;

use markup::Markup;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice::from_raw_parts;

const NONE: u32 = u32::MAX;
const SLOT: usize = 8;
const HEAD: usize = 3;
/// Properties of one object, the choices among them counted.
const BITS: usize = 512;
const NESTED: u32 = 60;
const NESTED_RESOURCES: u32 = 4;
const IDS: usize = 64;
const LONG: usize = 1 << 20;
const DIGITS: usize = 17;
const ARRAY: u32 = 256;

/// How a value is written; the numbers are those of `tables.py`.
mod kind {
    pub const COMPLEX: u32 = 0;
    pub const RESOURCE: u32 = 1;
    pub const CONTAINED: u32 = 2;
    pub const TEXT: u32 = 3;
    pub const CODE: u32 = 4;
    pub const ID: u32 = 5;
    pub const URI: u32 = 6;
    pub const CANONICAL: u32 = 7;
    pub const BASE64: u32 = 8;
    pub const DATE: u32 = 9;
    pub const DATE_TIME: u32 = 10;
    pub const INSTANT: u32 = 11;
    pub const TIME: u32 = 12;
    pub const BOOLEAN: u32 = 13;
    pub const DECIMAL: u32 = 14;
    pub const INTEGER: u32 = 15;
    pub const UNSIGNED: u32 = 16;
    pub const POSITIVE: u32 = 17;
    pub const ELEMENT_ID: u32 = 18;
    pub const NARRATIVE: u32 = 19;
}

/// The tables of one set of shapes, owned by the caller.
#[repr(C)]
pub struct Tables {
    words: *const u32,
    words_length: usize,
    names: *const u8,
    names_length: usize,
    /// Where the names of the kinds of resources are looked up: a shape whose slots lead to them.
    kinds: u32,
    /// Where the tables of `markup.rs` are; NONE: narratives are not looked at.
    markup: u32,
}

/// The form of the tables that this code reads.
#[no_mangle]
pub extern "C" fn fhirkit_gate_layout() -> i32 {
    2
}

/// What is certain of a text; the numbers are those of `native.py`.
mod certain {
    /// Its shape.
    pub const SHAPE: i32 = 1;
    /// Its shape, if its characters beyond ASCII are printable.
    pub const IF_PRINTABLE: i32 = 2;
    /// What its narratives hold.
    pub const NARRATIVES: i32 = 4;
    /// That no number in it has a fraction.
    pub const WHOLE_NUMBERS: i32 = 8;
}

/// What is certain of a text; 0: nothing.
///
/// # Safety
/// The pointers lead to as many bytes or words as is said, for the time of the call.
#[no_mangle]
pub unsafe extern "C" fn fhirkit_look(
    tables: *const Tables,
    data: *const u8,
    length: usize,
) -> i32 {
    if tables.is_null() || data.is_null() {
        return 0;
    }
    let tables = &*tables;
    let mut scan = Scan {
        words: from_raw_parts(tables.words, tables.words_length),
        names: from_raw_parts(tables.names, tables.names_length),
        kinds: tables.kinds as usize,
        data: from_raw_parts(data, length),
        markup: Markup::new(tables.markup as usize),
        at: 0,
        is_ascii: true,
        has_right_narratives: tables.markup != NONE,
        has_whole_numbers: true,
    };
    let verdict = catch_unwind(AssertUnwindSafe(|| scan.document()));
    let shape = match verdict {
        Ok(Some(())) if scan.is_ascii => certain::SHAPE,
        Ok(Some(())) if std::str::from_utf8(scan.data).is_ok() => certain::IF_PRINTABLE,
        _ => return 0,
    };
    let narratives = if scan.has_right_narratives {
        certain::NARRATIVES
    } else {
        0
    };
    let numbers = if scan.has_whole_numbers {
        certain::WHOLE_NUMBERS
    } else {
        0
    };
    shape | narratives | numbers
}

type Span = (usize, usize);

/// What is known of the resource that an object stands in.
struct Around {
    ids: [Span; IDS],
    count: usize,
    level: u32,
    in_contained: bool,
}

struct Scan<'a> {
    words: &'a [u32],
    names: &'a [u8],
    kinds: usize,
    data: &'a [u8],
    markup: Markup,
    at: usize,
    is_ascii: bool,
    has_right_narratives: bool,
    has_whole_numbers: bool,
}

impl<'a> Scan<'a> {
    fn document(&mut self) -> Option<()> {
        self.blank();
        self.resource(0, false, 0)?;
        self.blank();
        (self.at == self.data.len()).then_some(())
    }

    #[inline(always)]
    fn peek(&self) -> u8 {
        self.data.get(self.at).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Option<()> {
        if self.peek() != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// A string without escapes in ASCII: where its content begins and ends.
    #[inline(always)]
    fn plain(&mut self) -> Option<Span> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let byte = self.peek();
            match byte {
                b'"' => break,
                0x20..=0x7e if byte != b'\\' => self.at += 1,
                _ => return None,
            }
        }
        let end = self.at;
        self.at += 1;
        Some((start, end))
    }

    /// The slot of a name in a shape.
    #[inline(always)]
    fn slot(&self, shape: usize, (start, end): Span) -> Option<&'a [u32]> {
        self.find(shape, self.data.get(start..end)?)
    }

    #[inline(always)]
    fn find(&self, shape: usize, name: &[u8]) -> Option<&'a [u32]> {
        let mut hash: u32 = 0x811c_9dc5;
        for &byte in name {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        let mask = self.words[shape] as usize;
        let first = shape + HEAD + self.words[shape + 2] as usize;
        let mut index = hash as usize & mask;
        loop {
            let place = first + index * SLOT;
            let slot = self.words.get(place..place + SLOT)?;
            let (offset, length) = (slot[0] as usize, slot[1] as usize);
            if length == 0 {
                return None;
            }
            if length == name.len() && self.names.get(offset..offset + length)? == name {
                return Some(slot);
            }
            index = (index + 1) & mask;
        }
    }

    /// A resource, which says first what it is; its id.
    fn resource(&mut self, level: u32, in_contained: bool, depth: u32) -> Option<Option<Span>> {
        if level > NESTED_RESOURCES {
            return None;
        }
        self.expect(b'{')?;
        self.blank();
        let (start, end) = self.plain()?;
        if self.data.get(start..end)? != b"resourceType" {
            return None;
        }
        self.blank();
        self.expect(b':')?;
        self.blank();
        let name = self.plain()?;
        let shape = self.slot(self.kinds, name)?[5] as usize;
        self.blank();
        let mut around = Around {
            ids: [(0, 0); IDS],
            count: 0,
            level,
            in_contained,
        };
        match self.peek() {
            b',' => self.at += 1,
            b'}' => {
                // Nothing but a type: whether that will do depends on what is required.
                self.at += 1;
                return self.complete(shape, &[0; BITS / 64]).map(|()| None);
            }
            _ => return None,
        }
        self.properties(shape, &mut around, depth, true)
    }

    /// What follows the opening brace of an object, to its closing one; its id.
    fn properties(
        &mut self,
        shape: usize,
        around: &mut Around,
        depth: u32,
        is_resource: bool,
    ) -> Option<Option<Span>> {
        if depth > NESTED {
            return None;
        }
        let mut seen = [0u64; BITS / 64];
        let mut id = None;
        let mut count = 0u32;
        loop {
            self.blank();
            let name = self.plain()?;
            let slot = self.slot(shape, name)?;
            mark(&mut seen, slot[2])?;
            if slot[3] != NONE {
                mark(&mut seen, slot[3])?;
            }
            self.blank();
            self.expect(b':')?;
            self.blank();
            let start = self.at;
            self.value(slot, around, depth)?;
            if slot[4] == kind::ELEMENT_ID || (is_resource && slot[4] == kind::ID) {
                let is_id = self.data.get(name.0..name.1)? == b"id";
                if is_id {
                    id = Some((start, self.at));
                }
            }
            count += 1;
            self.blank();
            match self.peek() {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        // An id alone says nothing.
        if count == 1 && id.is_some() && !is_resource {
            return None;
        }
        self.complete(shape, &seen)?;
        Some(id)
    }

    /// Whether all that is required was seen.
    #[inline(always)]
    fn complete(&self, shape: usize, seen: &[u64; BITS / 64]) -> Option<()> {
        let count = self.words[shape + 2] as usize;
        let required = self.words.get(shape + HEAD..shape + HEAD + count)?;
        required
            .iter()
            .all(|&bit| seen[bit as usize / 64] >> (bit % 64) & 1 == 1)
            .then_some(())
    }

    /// The value of a property: one, or a list of them.
    #[inline(always)]
    fn value(&mut self, slot: &[u32], around: &mut Around, depth: u32) -> Option<()> {
        if slot[4] & ARRAY == 0 {
            return self.single(slot[4], slot[5] as usize, around, depth);
        }
        let what = slot[4] & !ARRAY;
        let count = if what == kind::CONTAINED {
            self.contained(around, depth)?
        } else {
            let mut count = 0;
            self.expect(b'[')?;
            loop {
                self.blank();
                self.single(what, slot[5] as usize, around, depth)?;
                count += 1;
                if self.ends_list()? {
                    break count;
                }
            }
        };
        (count >= slot[6] && count <= slot[7]).then_some(())
    }

    /// Behind an entry of a list: whether the list ends there.
    #[inline(always)]
    fn ends_list(&mut self) -> Option<bool> {
        self.blank();
        let ends = match self.peek() {
            b',' => false,
            b']' => true,
            _ => return None,
        };
        self.at += 1;
        Some(ends)
    }

    /// A list of contained resources, each with an id of its own: how many. Not inlined, so that its
    /// ids take no room on the stack of every list.
    #[inline(never)]
    fn contained(&mut self, around: &mut Around, depth: u32) -> Option<u32> {
        if around.in_contained {
            return None;
        }
        let mut ids: [Span; IDS] = [(0, 0); IDS];
        let mut count = 0;
        self.expect(b'[')?;
        loop {
            self.blank();
            let id = self.resource(around.level + 1, true, depth + 1)?;
            add(self.data, &mut ids, count as usize, id?)?;
            count += 1;
            if self.ends_list()? {
                return Some(count);
            }
        }
    }

    /// One value.
    #[inline(always)]
    fn single(&mut self, what: u32, shape: usize, around: &mut Around, depth: u32) -> Option<()> {
        match what {
            kind::COMPLEX => {
                self.expect(b'{')?;
                self.properties(shape, around, depth + 1, false)?;
            }
            kind::RESOURCE => {
                self.resource(around.level + 1, around.in_contained, depth + 1)?;
            }
            kind::TEXT => self.text()?,
            kind::NARRATIVE => {
                let start = self.at + 1;
                self.text()?;
                let div = self.data.get(start..self.at - 1)?;
                if self.has_right_narratives {
                    let look_up = |shape, name: &[u8]| self.find(shape, name);
                    self.has_right_narratives =
                        self.markup.is_right(div, self.words, look_up).is_some();
                }
            }
            kind::ELEMENT_ID => {
                let start = self.at;
                let (from, to) = self.plain()?;
                if self.data[from..to].iter().all(|&byte| byte == b' ') {
                    return None;
                }
                let count = around.count;
                add(self.data, &mut around.ids, count, (start, self.at))?;
                around.count += 1;
            }
            kind::BOOLEAN => self.boolean()?,
            kind::DECIMAL => self.decimal()?,
            kind::INTEGER => self.integer(i64::from(i32::MIN))?,
            kind::UNSIGNED => self.integer(0)?,
            kind::POSITIVE => self.integer(1)?,
            _ => {
                let (start, end) = self.plain()?;
                let value = self.data.get(start..end)?;
                let right = value.len() < LONG
                    && match what {
                        kind::CODE => values::is_code(value),
                        kind::ID => values::is_id(value),
                        kind::URI => values::is_uri(value),
                        kind::CANONICAL => values::is_canonical(value),
                        kind::BASE64 => values::is_base64(value),
                        kind::DATE => values::date(value) == Some(value.len()),
                        kind::DATE_TIME => values::is_date_time(value),
                        kind::INSTANT => values::is_instant(value),
                        kind::TIME => value.len() == 8 && values::clock(value) == Some(8),
                        _ => false,
                    };
                if !right {
                    return None;
                }
            }
        }
        Some(())
    }

    /// Something to read, in any characters but control characters.
    #[inline(always)]
    fn text(&mut self) -> Option<()> {
        self.expect(b'"')?;
        let start = self.at;
        let mut is_blank = true;
        loop {
            let byte = self.peek();
            match byte {
                b'"' => break,
                b'\\' => {
                    match self.data.get(self.at + 1).copied()? {
                        b'"' | b'\\' | b'/' => is_blank = false,
                        b'n' | b'r' | b't' => {}
                        _ => return None,
                    }
                    self.at += 2;
                }
                b' ' => self.at += 1,
                0x21..=0x7e => {
                    is_blank = false;
                    self.at += 1;
                }
                0x80.. => {
                    is_blank = false;
                    self.is_ascii = false;
                    self.at += 1;
                }
                _ => return None,
            }
        }
        if is_blank || self.at - start >= LONG {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn boolean(&mut self) -> Option<()> {
        let rest = self.data.get(self.at..)?;
        self.at += match () {
            () if rest.starts_with(b"true") => 4,
            () if rest.starts_with(b"false") => 5,
            () => return None,
        };
        Some(())
    }

    /// Digits as JSON writes whole numbers, without a sign: how many.
    fn digits(&mut self) -> Option<usize> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        let count = self.at - start;
        (count > 0 && (count == 1 || self.data[start] != b'0')).then_some(count)
    }

    fn decimal(&mut self) -> Option<()> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        let mut count = self.digits()?;
        if self.peek() == b'.' {
            self.at += 1;
            let start = self.at;
            while self.peek().is_ascii_digit() {
                self.at += 1;
            }
            if self.at == start {
                return None;
            }
            count += self.at - start;
            self.has_whole_numbers = false;
        }
        self.ends_number(count)
    }

    fn integer(&mut self, least: i64) -> Option<()> {
        let negative = self.peek() == b'-';
        if negative {
            self.at += 1;
        }
        let start = self.at;
        let count = self.digits()?;
        if count > 10 {
            return None;
        }
        let size = self.data[start..self.at]
            .iter()
            .fold(0i64, |size, &byte| size * 10 + i64::from(byte - b'0'));
        let value = if negative { -size } else { size };
        if (negative && size == 0) || value < least || value > i64::from(i32::MAX) {
            return None;
        }
        self.ends_number(count)
    }

    /// A number with an exponent, or with more digits than may be kept, is not certain.
    fn ends_number(&self, digits: usize) -> Option<()> {
        let ends = !matches!(self.peek(), b'.' | b'e' | b'E');
        (ends && digits <= DIGITS).then_some(())
    }
}

/// Note that a bit was seen; None when it was seen before.
#[inline(always)]
fn mark(seen: &mut [u64; BITS / 64], bit: u32) -> Option<()> {
    let word = seen.get_mut(bit as usize / 64)?;
    let mask = 1u64 << (bit % 64);
    if *word & mask != 0 {
        return None;
    }
    *word |= mask;
    Some(())
}

/// Note an id; None when it is there already, or when there are too many.
fn add(data: &[u8], ids: &mut [Span; IDS], count: usize, id: Span) -> Option<()> {
    if count >= IDS {
        return None;
    }
    let known = &ids[..count];
    if known
        .iter()
        .any(|&(start, end)| data[start..end] == data[id.0..id.1])
    {
        return None;
    }
    ids[count] = id;
    Some(())
}
