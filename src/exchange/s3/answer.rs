//! What a store means by a refusal: its code, not its number, says it.

use std::io::Cursor;

use rusty_s3::Bucket;
use ureq::Body;
use ureq::http::{Response, StatusCode};

use super::super::ExchangeError;
use super::super::error::Doing;
use super::super::http::{Http, clean, text, words, xml};
use crate::world::World;

/// More than a refusal has to say.
const MAX_REFUSAL_BYTES: u64 = 64 * 1024;
/// Clocks that differ by more, in seconds, are named as the reason of a refusal. Stores take 15 minutes.
const CLOCKS_MAY_DIFFER: i64 = 5 * 60;

/// A refusal.
#[derive(Debug)]
pub(super) struct Trouble {
    status: StatusCode,
    /// Empty where the store says none: to HEAD, or where a proxy answers.
    pub code: String,
    message: String,
    /// Where the bucket really is.
    region: Option<String>,
    /// Seconds this computer's clock is ahead of the store's.
    ahead: Option<i64>,
}

impl Trouble {
    /// Reads a refusal.
    pub(super) fn read(http: &Http, world: &World, answer: Response<Body>) -> Result<Self, ExchangeError> {
        let status = answer.status();
        let headers = answer.headers();
        let there = text(headers, "date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let ahead = there.map(|there| world.now().0 / 1000 - there.timestamp().as_second());
        let region = text(headers, "x-amz-bucket-region").map(clean);
        let mut trouble = Self { status, code: String::new(), message: String::new(), region, ahead };
        // Whatever is no XML of a store's (a proxy's page, say) just has no code.
        trouble.read_text(&http.bytes(answer, MAX_REFUSAL_BYTES)?);
        Ok(trouble)
    }

    /// Where a success turns out to be a refusal: stores say 200 before the parts are joined.
    pub(super) fn in_success(bytes: &[u8]) -> Option<Self> {
        let mut trouble = Self { status: StatusCode::OK, code: String::new(), message: String::new(), region: None, ahead: None };
        trouble.read_text(bytes);
        (!trouble.code.is_empty()).then_some(trouble)
    }

    fn read_text(&mut self, bytes: &[u8]) {
        let _ = xml::each_element::<()>(Cursor::new(bytes), None, MAX_REFUSAL_BYTES, |path, text| {
            match path {
                ["Error", "Code"] => self.code = clean(text),
                ["Error", "Message"] => self.message = clean(text),
                ["Error", "Region"] => self.region = Some(clean(text)),
                _ => {}
            }
            Ok(())
        });
    }

    /// Whether only the object is not there. A store that says no code is believed: the marker is looked for next.
    pub(super) fn is_no_such_object(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && (self.code.is_empty() || self.code == "NoSuchKey")
    }

    /// As an error for people.
    pub(super) fn into_error(self, http: &Http, doing: Doing, bucket: &Bucket) -> ExchangeError {
        let said = match (self.code.as_str(), self.message.as_str()) {
            ("", _) => words(self.status),
            (code, "") => code.to_owned(),
            (code, message) => format!("{message} ({code})"),
        };
        let place = http.place().to_owned();
        let skewed = self.ahead.filter(|ahead| ahead.abs() > CLOCKS_MAY_DIFFER);
        if let Some(ahead) = skewed.filter(|_| self.status == StatusCode::FORBIDDEN || self.code == "RequestTimeTooSkewed") {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            let minutes = (ahead.abs() + 30) / 60;
            return http.refused(format!("the clock of this computer is {minutes} minutes {way} the store's: set it right ({said})"));
        }
        match self.code.as_str() {
            "NoSuchBucket" => http.refused(format!("there is no bucket `{}`: {said}", bucket.name())),
            "InvalidAccessKeyId" => http.refused(format!("the store does not know the id of the key: {said}")),
            "SignatureDoesNotMatch" => http.refused(format!("the secret of the key (the password) is wrong: {said}")),
            "ExpiredToken" | "TokenRefreshRequired" | "InvalidToken" => {
                http.refused(format!("the session token is not good any more: {said}"))
            }
            "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError" => {
                self.elsewhere(http, bucket, &said)
            }
            "SlowDown" | "ServiceUnavailable" | "InternalError" | "RequestTimeout" | "OperationAborted" | "ConditionalRequestConflict" => {
                http.unreachable(said)
            }
            code if code.contains("Quota") || code.contains("StorageFull") || code.contains("InsufficientStorage") => {
                ExchangeError::Full { place, reason: said }
            }
            _ if self.status.is_redirection() => self.elsewhere(http, bucket, &said),
            // The error in a success.
            _ if self.status == StatusCode::OK => http.unreachable(said),
            _ => http.sorted(doing, self.status, &said),
        }
    }

    /// The bucket is in another region than the address says.
    fn elsewhere(&self, http: &Http, bucket: &Bucket, said: &str) -> ExchangeError {
        match self.region.as_deref().filter(|region| *region != bucket.region()) {
            Some(region) => http.refused(format!("the bucket is in the region `{region}`: write `?region={region}` ({said})")),
            None => http.refused(format!("the store sends us to another host or region, make that the address: {said}")),
        }
    }
}
