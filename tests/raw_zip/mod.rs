//! Writes zip files by hand, as good or bad as a test wants them.

use std::io::Write as _;

/// One entry of a zip file, with everything that can be wrong about it.
#[derive(Clone)]
pub struct Raw {
    pub name: Vec<u8>,
    pub local_name: Option<Vec<u8>>,
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub mode: u32,
    pub extra: Vec<u8>,
    pub comment: Vec<u8>,
    /// Bytes between this entry's data and the next header.
    pub gap: Vec<u8>,
    /// Bytes behind the packed data that count as packed.
    pub hidden: Vec<u8>,
    pub size: Option<u32>,
}

pub const STORED: u16 = 0;
pub const DEFLATED: u16 = 8;
pub fn raw(name: &str, data: &[u8], method: u16) -> Raw {
    Raw {
        name: name.into(),
        local_name: None,
        data: data.to_vec(),
        method,
        flags: 0,
        mode: 0o100_644,
        extra: Vec::new(),
        comment: Vec::new(),
        gap: Vec::new(),
        hidden: Vec::new(),
        size: None,
    }
}

/// A zip file, as good or bad as its entries.
pub fn zip(entries: &[Raw]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let mut packed = if entry.method == DEFLATED { deflate(&entry.data) } else { entry.data.clone() };
        packed.extend_from_slice(&entry.hidden);
        let mut crc = flate2::Crc::new();
        crc.update(&entry.data);
        let mut header = Vec::new();
        let version = if entry.method == STORED { 10 } else { 20 };
        for field in [version, entry.flags, entry.method, 0, 0x21] {
            header.extend_from_slice(&u16::to_le_bytes(field));
        }
        let size = entry.size.unwrap_or(u32::try_from(entry.data.len()).unwrap());
        for field in [crc.sum(), u32::try_from(packed.len()).unwrap(), size] {
            header.extend_from_slice(&field.to_le_bytes());
        }
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_le_bytes();
        header.extend_from_slice(&length(&entry.name));
        header.extend_from_slice(&length(&entry.extra));
        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&(3 << 8 | version).to_le_bytes());
        directory.extend_from_slice(&header);
        directory.extend_from_slice(&length(&entry.comment));
        directory.extend_from_slice(&[0; 4]);
        directory.extend_from_slice(&(entry.mode << 16).to_le_bytes());
        directory.extend_from_slice(&u32::try_from(out.len()).unwrap().to_le_bytes());
        for bytes in [&entry.name, &entry.extra, &entry.comment] {
            directory.extend_from_slice(bytes);
        }
        out.extend_from_slice(b"PK\x03\x04");
        for bytes in [&header, entry.local_name.as_ref().unwrap_or(&entry.name), &entry.extra, &packed, &entry.gap] {
            out.extend_from_slice(bytes);
        }
    }
    let start = u32::try_from(out.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count);
    out.extend_from_slice(&count);
    out.extend_from_slice(&u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
