//! Reads XML from a server that may be hostile: element by element, nothing is kept, everything has a cap.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// Longest tag, comment or piece of text. Names of ours are below 300 bytes.
const MAX_PIECE_BYTES: usize = 64 * 1024;
/// Most elements inside each other. Both protocols need six.
const MAX_DEPTH: usize = 32;

/// Why reading ended early.
#[derive(Debug)]
pub(in crate::exchange) enum XmlError<E> {
    /// The line broke.
    Io(io::Error),
    /// It is not what it should be, or too much of it.
    Bad(String),
    /// Whoever was told of an element did not want more.
    Told(E),
}

/// Names of the elements from the root on; one of another namespace is called `?`.
pub(in crate::exchange) type Path<'a> = [&'a str];

/// Calls `tell` at the end of every element with its path and its own text. At most `max_bytes` are read.
///
/// Only names of `namespace` are told; without one all are, by their local name.
pub(in crate::exchange) fn each_element<E>(
    from: impl Read,
    namespace: Option<&str>,
    max_bytes: u64,
    mut tell: impl FnMut(&Path<'_>, &str) -> Result<(), E>,
) -> Result<(), XmlError<E>> {
    let mut reader = NsReader::from_reader(Capped { from: BufReader::new(from), total: max_bytes, piece: 0 });
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<(String, String)> = Vec::new();
    let mut buffer = Vec::new();
    let mut roots = 0;
    loop {
        buffer.clear();
        reader.get_mut().piece = MAX_PIECE_BYTES;
        let (space, event) = reader.read_resolved_event_into(&mut buffer).map_err(sort)?;
        let told = match (namespace, space) {
            (None, _) => true,
            (Some(wanted), ResolveResult::Bound(found)) => found.0 == wanted,
            (Some(_), ResolveResult::Unbound | ResolveResult::Unknown(_)) => false,
        };
        match event {
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return Err(XmlError::Bad(format!("more than {MAX_DEPTH} elements inside each other")));
                }
                roots += usize::from(open.is_empty());
                let name = if told { start.local_name().as_ref().to_owned() } else { "?".to_owned() };
                open.push((name, String::new()));
            }
            Event::End(_) => {
                let path: Vec<&str> = open.iter().map(|(name, _)| name.as_str()).collect();
                let text = open.last().map_or("", |(_, text)| text.as_str());
                tell(&path, text.trim()).map_err(XmlError::Told)?;
                open.pop();
            }
            Event::Text(text) => add(&mut open, &text.xml10_content())?,
            Event::CData(text) => add(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let name = reference.into_inner();
                let meant = meaning(&name).ok_or_else(|| XmlError::Bad("it holds an entity of its own".to_owned()))?;
                add(&mut open, meant.encode_utf8(&mut [0; 4]))?;
            }
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof if open.is_empty() && roots > 0 => return Ok(()),
            Event::Eof => return Err(XmlError::Bad("it ends in the middle".to_owned())),
        }
    }
}

fn add<E>(open: &mut [(String, String)], text: &str) -> Result<(), XmlError<E>> {
    let Some((_, whole)) = open.last_mut() else { return Ok(()) };
    if whole.len() + text.len() > MAX_PIECE_BYTES {
        return Err(XmlError::Bad("a text in it is too long".to_owned()));
    }
    whole.push_str(text);
    Ok(())
}

/// What `&name;` stands for.
fn meaning(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

fn sort<E>(error: quick_xml::Error) -> XmlError<E> {
    let quick_xml::Error::Io(error) = error else { return XmlError::Bad(error.to_string()) };
    if error.kind() == io::ErrorKind::FileTooLarge {
        return XmlError::Bad("it is too long".to_owned());
    }
    XmlError::Io(Arc::try_unwrap(error).unwrap_or_else(|shared| shared.kind().into()))
}

/// A reader that fails where the whole or one piece gets too long: the XML reader keeps a piece in memory.
struct Capped<R> {
    from: BufReader<R>,
    total: u64,
    piece: usize,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(buffer.len());
        buffer[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Capped<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.total == 0 || self.piece == 0 {
            return if self.from.fill_buf()?.is_empty() { Ok(&[]) } else { Err(io::ErrorKind::FileTooLarge.into()) };
        }
        let available = self.from.fill_buf()?;
        let room = self.piece.min(usize::try_from(self.total).unwrap_or(usize::MAX));
        Ok(&available[..available.len().min(room)])
    }

    fn consume(&mut self, amount: usize) {
        self.total -= amount as u64;
        self.piece -= amount;
        self.from.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(xml: &str, namespace: Option<&str>, max_bytes: u64) -> Result<Vec<String>, XmlError<()>> {
        let mut found = Vec::new();
        each_element(xml.as_bytes(), namespace, max_bytes, |path, text| {
            found.push(format!("{}={text}", path.join("/")));
            Ok(())
        })?;
        Ok(found)
    }

    fn bad(xml: &str, max_bytes: u64) -> String {
        match told(xml, None, max_bytes) {
            Err(XmlError::Bad(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn elements_are_told_with_their_path_and_text() {
        let xml = "<?xml version=\"1.0\"?>\n<a><b>x&amp;&#x79;<![CDATA[<z>]]></b><c/><!-- d --></a>";
        assert_eq!(told(xml, None, 1000).unwrap(), ["a/b=x&y<z>", "a/c=", "a="]);
    }

    #[test]
    fn names_of_another_namespace_are_not_taken_for_ours() {
        let xml = "<d:a xmlns:d='DAV:' xmlns:o='other'><o:b>1</o:b><b xmlns='DAV:'>2</b><c>3</c></d:a>";
        assert_eq!(told(xml, Some("DAV:"), 1000).unwrap(), ["a/?=1", "a/b=2", "a/?=3", "a="]);
    }

    #[test]
    fn what_never_ends_ends_here() {
        assert!(bad(&format!("<a>{}", "<b>x</b>".repeat(1000)), 500).contains("too long"));
        assert!(bad(&format!("<a>{}</a>", "x".repeat(MAX_PIECE_BYTES + 1)), u64::MAX).contains("too long"));
        assert!(bad(&format!("<a b='{}'/>", "x".repeat(MAX_PIECE_BYTES)), u64::MAX).contains("too long"));
        assert!(bad(&format!("<a>{}</a>", "&amp;x".repeat(MAX_PIECE_BYTES)), u64::MAX).contains("too long"));
        assert!(bad(&"<a>".repeat(MAX_DEPTH + 1), u64::MAX).contains("inside each other"));
        assert!(bad("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 1000).contains("entity"));
    }

    #[test]
    fn half_an_answer_is_none() {
        for xml in ["", "<a>", "<a><b></b>", "<a", "no xml at all"] {
            assert!(matches!(told(xml, None, 1000), Err(XmlError::Bad(_))), "{xml}");
        }
        assert!(matches!(told("<a></b>", None, 1000), Err(XmlError::Bad(_))));
    }
}
