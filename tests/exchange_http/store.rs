//! As much S3 as the exchange uses, in memory, with signatures checked, for `server.rs` to serve.

use std::collections::BTreeMap;

use rusty_s3::{Method, signing};
use url::Url;

use crate::server::{Answer, Faults, Request, Service};

/// An upload in parts.
#[derive(Default)]
pub struct Upload {
    pub key: String,
    pub parts: BTreeMap<u64, Vec<u8>>,
    pub began: String,
}

/// One store with the bucket `bucket`; path style.
#[derive(Default)]
pub struct Store {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub uploads: BTreeMap<String, Upload>,
    pub gone: bool,
    /// Knows no listing of uploads.
    pub plain: bool,
    /// Shows what arrived of a put that was cut off.
    pub shows_cut_offs: bool,
    /// Parts that were sent since this was last set to zero.
    pub parts_sent: usize,
    count: usize,
}

/// Files on a page of a listing.
const PAGE: usize = 1_000;

fn error(status: u16, code: &str) -> Answer {
    Answer::xml(status, format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>words\r\nof the store</Message></Error>"))
}

/// Whether the address is signed by `field` with `post`.
fn is_signed(request: &Request, url: &Url) -> bool {
    let all: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let get = |name: &str| all.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str());
    let mut query: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    query.retain(|(name, _)| !name.starts_with("X-Amz-"));
    query.sort_unstable();
    let Ok(date) = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", get("X-Amz-Date")) else { return false };
    let date = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let method = match request.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        "POST" => Method::Post,
        _ => Method::Delete,
    };
    let seconds = get("X-Amz-Expires").parse().unwrap_or(0);
    let token = Some(get("X-Amz-Security-Token")).filter(|token| !token.is_empty());
    let right = signing::sign(&date, method, url.clone(), "field", "post", token, "us-east-1", seconds, query.into_iter(), [].into_iter());
    right.query_pairs().any(|(name, value)| name == "X-Amz-Signature" && value == get("X-Amz-Signature"))
}

impl Store {
    fn list(&self, query: &BTreeMap<String, String>, faults: &Faults) -> Answer {
        let empty = String::new();
        let (prefix, after) = (query.get("prefix").unwrap_or(&empty), query.get("continuation-token").unwrap_or(&empty));
        let inside = |key: &&String| key.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.contains('/'));
        let keys: Vec<&String> = self.objects.keys().filter(inside).filter(|key| *key > after).collect();
        let mut body = String::from("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        if let Some(last) = keys.get(PAGE - 1).filter(|_| keys.len() > PAGE) {
            body += &format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>");
        }
        for key in keys.iter().take(PAGE) {
            let shown = if faults.odd_names { key.replace('/', "%2F").replace('-', "%2D") } else { (*key).clone() };
            body += &format!("<Contents><Key>{shown}</Key><Size>{}</Size></Contents>", self.objects[*key].len());
        }
        Answer::xml(200, body + "</ListBucketResult>")
    }

    fn uploads(&self, query: &BTreeMap<String, String>) -> Answer {
        if self.plain {
            return error(501, "NotImplemented");
        }
        let mut body = String::from("<ListMultipartUploadsResult>");
        for (id, upload) in self.uploads.iter().filter(|(_, upload)| upload.key.starts_with(&query["prefix"])) {
            let (key, began) = (&upload.key, &upload.began);
            body += &format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{began}</Initiated></Upload>");
        }
        Answer::xml(200, body + "</ListMultipartUploadsResult>")
    }

    fn of_upload(&mut self, request: &Request, id: &str, query: &BTreeMap<String, String>) -> Answer {
        let Some(upload) = self.uploads.get_mut(id) else { return error(404, "NoSuchUpload") };
        match request.method.as_str() {
            "PUT" if request.cut => error(400, "RequestTimeout"),
            "PUT" => {
                let number = query["partNumber"].parse().unwrap();
                self.parts_sent += 1;
                upload.parts.insert(number, request.body.clone());
                Answer { headers: vec![("etag", format!("\"tag{number}\""))], ..Answer::new(200) }
            }
            "GET" => {
                let after: u64 = query["part-number-marker"].parse().unwrap();
                // One on a page, to see that pages are turned.
                let mut body = String::from("<ListPartsResult>");
                for (number, bytes) in upload.parts.range(after + 1..).take(1) {
                    body += &format!("<Part><PartNumber>{number}</PartNumber><ETag>&quot;tag{number}&quot;</ETag>");
                    body += &format!("<Size>{}</Size></Part>", bytes.len());
                }
                let more = upload.parts.range(after + 1..).count() > 1;
                let next = upload.parts.range(after + 1..).next().map_or(0, |(number, _)| *number);
                body += &format!("<IsTruncated>{more}</IsTruncated><NextPartNumberMarker>{next}</NextPartNumberMarker>");
                Answer::xml(200, body + "</ListPartsResult>")
            }
            "POST" => {
                let text = String::from_utf8(request.body.clone()).unwrap();
                for number in upload.parts.keys() {
                    assert!(text.contains(&format!("<PartNumber>{number}</PartNumber><ETag>&quot;tag{number}&quot;</ETag>")), "{text}");
                }
                let upload = self.uploads.remove(id).unwrap();
                self.objects.insert(upload.key, upload.parts.into_values().flatten().collect());
                Answer::xml(200, "  <CompleteMultipartUploadResult/>".to_owned())
            }
            _ => {
                self.uploads.remove(id);
                Answer::new(204)
            }
        }
    }
}

impl Service for Store {
    fn answer(&mut self, request: &Request, faults: &Faults) -> Answer {
        let url = Url::parse(&format!("http://{}{}", request.header("host"), request.target)).unwrap();
        if !is_signed(request, &url) {
            return error(403, "SignatureDoesNotMatch");
        }
        if faults.clock != 0 {
            return error(403, "RequestTimeTooSkewed");
        }
        if let Some((_, region)) = faults.headers.iter().find(|(name, _)| *name == "x-amz-bucket-region") {
            assert!(!region.is_empty());
            return error(301, "PermanentRedirect");
        }
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let Some(key) = url.path().strip_prefix("/bucket/").filter(|_| !self.gone) else { return error(404, "NoSuchBucket") };
        let key = key.to_owned();
        if let Some(id) = query.get("uploadId") {
            return self.of_upload(request, &id.clone(), &query);
        }
        match (request.method.as_str(), key.is_empty()) {
            ("GET", true) if query.contains_key("uploads") => self.uploads(&query),
            ("GET", true) => self.list(&query, faults),
            ("HEAD", true) => Answer::new(200),
            ("GET" | "HEAD", false) => match self.objects.get(&key) {
                Some(bytes) => Answer::file(request, faults, bytes),
                None => error(404, "NoSuchKey"),
            },
            ("PUT", false) if request.cut && !self.shows_cut_offs => error(400, "RequestTimeout"),
            ("PUT", false) => {
                let refuses = request.header("if-none-match") == "*";
                if refuses && faults.old {
                    return error(501, "NotImplemented");
                }
                if refuses && !faults.ignores_headers && self.objects.contains_key(&key) {
                    return error(412, "PreconditionFailed");
                }
                self.objects.insert(key, request.body.clone());
                Answer::new(200)
            }
            ("POST", false) if query.contains_key("uploads") => {
                self.count += 1;
                let id = format!("id-{}", self.count);
                let began = "2099-01-01T00:00:00.000Z".to_owned();
                self.uploads.insert(id.clone(), Upload { key, began, ..Upload::default() });
                let body = format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
                Answer::xml(200, body)
            }
            ("DELETE", false) => {
                self.objects.remove(&key);
                Answer::new(204)
            }
            _ => error(405, "MethodNotAllowed"),
        }
    }
}
