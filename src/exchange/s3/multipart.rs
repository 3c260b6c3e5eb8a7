//! Large objects go up in parts, and a cut-off upload goes on with the parts that are missing.
//!
//! States of an upload at the store: begun under the key of the object, with some parts; joined (the object is there, the upload is gone);
//! aborted. Nobody sees the object before the parts are joined. The key holds the hash of the content, so a begun
//! upload of that key is one of this content; a part of another size than it must have is sent again.
//! Crash points: before an upload begins, before each part, before the parts are joined.
//!
//! A store keeps, and charges for, the parts of uploads that nobody joins: uploads of ours in the same folder that began more
//! than [`ABANDONED_AFTER`] ago, and other ones of the same key, are aborted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rusty_s3::Method;
use ureq::http::StatusCode;

use super::super::error::Doing;
use super::super::http::{Http, Sending, text};
use super::super::{Content, ExchangeError, FileName, Folder};
use super::answer::Trouble;
use super::{Ask, MAX_PAGES, S3Exchange, name_in};
use crate::world::World;

/// From here on: below, sending all again costs less than asking.
pub(super) const FROM_BYTES: u64 = 64 * 1024 * 1024;
/// Size of a part; all but the last have it. Stores take 5 MiB to 5 GiB.
pub(super) const PART_BYTES: u64 = 16 * 1024 * 1024;
/// Most parts of an object: where that is not enough they are larger.
const MAX_PARTS: u64 = 10_000;
/// An upload that began so long ago is nobody's any more, in milliseconds: two weeks.
const ABANDONED_AFTER: i64 = 14 * 24 * 60 * 60 * 1000;
/// More than the answers here have, a listing of parts with them.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// An upload that was begun.
#[derive(Debug, Default)]
struct Upload {
    key: String,
    id: String,
    /// When, in milliseconds; zero where the store does not say it.
    began: i64,
}

/// The parts that are there: number → tag and size.
type Parts = BTreeMap<u64, (String, u64)>;

impl S3Exchange {
    /// Puts a content in parts of `part_bytes`, going on with an upload that was begun.
    pub(super) fn put_in_parts(
        &mut self,
        world: &World,
        folder: &Folder,
        name: &FileName,
        content: Content<'_>,
        part_bytes: u64,
    ) -> Result<(), ExchangeError> {
        let (key, bytes) = (self.key(folder, name), content.bytes()?);
        let exists = || ExchangeError::Exists { folder: folder.clone(), name: name.clone() };
        // An earlier attempt may have joined the parts and its answer was lost.
        if self.bytes_of(world, &key)? == Some(bytes) {
            return Err(exists());
        }
        let mut begun = self.begun(world, folder)?;
        begun.sort_by_key(|upload| upload.began);
        let newest = begun.iter().rposition(|upload| upload.key == key).map(|at| begun.swap_remove(at));
        for old in begun.iter().filter(|upload| upload.key == key || world.now().0 - upload.began > ABANDONED_AFTER) {
            self.abort(world, old)?;
        }
        let part_bytes = part_bytes.max(bytes.div_ceil(MAX_PARTS));
        let (upload, mut there) = match newest {
            Some(upload) => {
                let there = self.parts(world, &upload)?;
                (upload, there)
            }
            None => (self.begin(world, &key)?, Parts::new()),
        };
        let mut list = String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        for number in 1..=bytes.div_ceil(part_bytes) {
            let offset = (number - 1) * part_bytes;
            let length = part_bytes.min(bytes - offset);
            let tag = match there.remove(&number).filter(|(_, size)| *size == length) {
                Some((tag, _)) => tag,
                None => self.put_part(world, &upload, number, Sending::Part { content, offset, bytes: length })?,
            };
            let tag = quick_xml::escape::escape(&tag).into_owned();
            let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        list.push_str("</CompleteMultipartUpload>");
        self.join(world, &upload, &list, exists)
    }

    /// The uploads of our files in a folder that were begun. A store that cannot tell has none to go on with.
    fn begun(&self, world: &World, folder: &Folder) -> Result<Vec<Upload>, ExchangeError> {
        let prefix = self.folder_key(folder);
        let query = [("uploads", ""), ("prefix", &prefix), ("max-uploads", "1000")];
        let answer = self.send(world, Ask { query: &query, ..Ask::new(Method::Get, None) })?;
        match answer.status() {
            StatusCode::OK => {}
            // Some cannot, some do not let everybody.
            StatusCode::NOT_IMPLEMENTED | StatusCode::METHOD_NOT_ALLOWED | StatusCode::FORBIDDEN => {
                Http::finish(answer);
                return Ok(Vec::new());
            }
            _ => return self.refuse(world, Doing::Writing, answer),
        }
        let (mut found, mut upload) = (Vec::new(), Upload::default());
        self.http.each_element(answer, None, MAX_ANSWER_BYTES, |path, text| {
            match path {
                ["ListMultipartUploadsResult", "Upload", "Key"] => text.clone_into(&mut upload.key),
                ["ListMultipartUploadsResult", "Upload", "UploadId"] => text.clone_into(&mut upload.id),
                ["ListMultipartUploadsResult", "Upload", "Initiated"] => {
                    // One that cannot be read is taken for now: nothing is aborted for it.
                    upload.began = text.parse().map_or(world.now().0, |began: jiff::Timestamp| began.as_millisecond());
                }
                ["ListMultipartUploadsResult", "Upload"] => {
                    let upload = std::mem::take(&mut upload);
                    if name_in(&prefix, &upload.key).is_some() && !upload.id.is_empty() {
                        found.push(upload);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn begin(&self, world: &World, key: &str) -> Result<Upload, ExchangeError> {
        world.step("create on exchange")?;
        let answer = self.send(world, Ask { query: &[("uploads", "")], ..Ask::new(Method::Post, Some(key)) })?;
        if answer.status() != StatusCode::OK {
            return self.refuse(world, Doing::Writing, answer);
        }
        let mut upload = Upload { key: key.to_owned(), began: world.now().0, ..Upload::default() };
        self.http.each_element(answer, None, MAX_ANSWER_BYTES, |path, text| {
            if let ["InitiateMultipartUploadResult", "UploadId"] = path {
                text.clone_into(&mut upload.id);
            }
            Ok(())
        })?;
        if upload.id.is_empty() { Err(self.http.refused("the store began an upload and gave it no id")) } else { Ok(upload) }
    }

    /// The parts of an upload that are there.
    fn parts(&self, world: &World, upload: &Upload) -> Result<Parts, ExchangeError> {
        let (mut found, mut marker) = (Parts::new(), String::from("0"));
        for _ in 0..MAX_PAGES {
            let query = [("uploadId", upload.id.as_str()), ("max-parts", "1000"), ("part-number-marker", &marker)];
            let answer = self.send(world, Ask { query: &query, ..Ask::new(Method::Get, Some(&upload.key)) })?;
            if answer.status() != StatusCode::OK {
                return self.refuse(world, Doing::Writing, answer);
            }
            let (mut number, mut tag, mut size, mut more) = (0, String::new(), 0, false);
            let mut next = None;
            self.http.each_element(answer, None, MAX_ANSWER_BYTES, |path, text| {
                match path {
                    ["ListPartsResult", "Part", "PartNumber"] => number = text.parse().unwrap_or_default(),
                    ["ListPartsResult", "Part", "ETag"] => text.clone_into(&mut tag),
                    ["ListPartsResult", "Part", "Size"] => size = text.parse().unwrap_or_default(),
                    ["ListPartsResult", "Part"] => {
                        found.insert(number, (std::mem::take(&mut tag), size));
                    }
                    ["ListPartsResult", "IsTruncated"] => more = text == "true",
                    ["ListPartsResult", "NextPartNumberMarker"] => next = Some(text.to_owned()),
                    _ => {}
                }
                Ok(())
            })?;
            match next.filter(|next| more && *next != marker) {
                Some(next) => marker = next,
                None => return Ok(found),
            }
        }
        Ok(found)
    }

    /// Sends one part; gives its tag.
    fn put_part(&self, world: &World, upload: &Upload, number: u64, sending: Sending<'_>) -> Result<String, ExchangeError> {
        world.step("fill on exchange")?;
        let number = number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", &upload.id)];
        let answer = self.send(world, Ask { query: &query, sending, ..Ask::new(Method::Put, Some(&upload.key)) })?;
        if answer.status() != StatusCode::OK {
            return self.refuse(world, Doing::Writing, answer);
        }
        let tag = text(answer.headers(), "etag").map(str::to_owned);
        Http::finish(answer);
        tag.ok_or_else(|| self.http.refused("the store took a part and gave it no tag"))
    }

    /// Makes an object of the parts.
    fn join(&mut self, world: &World, upload: &Upload, list: &str, exists: impl Fn() -> ExchangeError) -> Result<(), ExchangeError> {
        world.step("rename on exchange")?;
        let query = [("uploadId", upload.id.as_str())];
        loop {
            let headers = [("if-none-match", "*")];
            let headers = if self.can_refuse { &headers[..] } else { &[] };
            let ask = Ask { query: &query, headers, sending: Sending::Xml(list), ..Ask::new(Method::Post, Some(&upload.key)) };
            let answer = self.send(world, ask)?;
            let trouble = match answer.status() {
                StatusCode::OK => match Trouble::in_success(&self.http.bytes(answer, MAX_ANSWER_BYTES)?) {
                    None => return Ok(()),
                    Some(trouble) => trouble,
                },
                StatusCode::PRECONDITION_FAILED => {
                    Http::finish(answer);
                    self.abort(world, upload)?;
                    return Err(exists());
                }
                StatusCode::NOT_IMPLEMENTED if self.can_refuse => {
                    Http::finish(answer);
                    self.can_refuse = false;
                    continue;
                }
                _ => self.trouble(world, answer)?,
            };
            // The upload is gone, or not what it was taken for: the next attempt begins anew.
            if matches!(trouble.code.as_str(), "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall") {
                self.abort(world, upload)?;
            }
            return Err(match trouble.code.as_str() {
                "NoSuchUpload" | "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" => {
                    self.http.unreachable(format!("the store lost an upload in parts ({})", trouble.code))
                }
                _ => trouble.into_error(&self.http, Doing::Writing, &self.bucket),
            });
        }
    }

    /// Gives up an upload; one that is gone already is fine.
    fn abort(&self, world: &World, upload: &Upload) -> Result<(), ExchangeError> {
        let query = [("uploadId", upload.id.as_str())];
        let answer = self.send(world, Ask { query: &query, ..Ask::new(Method::Delete, Some(&upload.key)) })?;
        if answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND {
            Http::finish(answer);
            return Ok(());
        }
        self.refuse(world, Doing::Writing, answer)
    }
}
