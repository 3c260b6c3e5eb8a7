//! An exchange that is a bucket, or a part of one, of an S3 store.
//!
//! States: the bucket must be there (never made here), with or without marker. There is no rename, so an object is put under its final
//! name at once: a store shows an object only when all of it has arrived. Stores were seen that lie, so the promise is the
//! weaker one ([`Put::MayBeShort`]) and the size is looked up after. `If-None-Match: *` keeps an object that is there; a store that
//! ignores it does no harm, for the name says the content. Content over [`multipart::FROM_BYTES`] goes in parts and resumes.
//!
//! Crash points: before each put, before an upload in parts begins, before each part, before the parts become an object, before each delete.
//! Invariant: nothing here makes a whole object shorter, and no object appears before its last byte was sent.
//!
//! Every request is signed in its address (Signature Version 4), good for [`SIGNED_SECONDS`]. The content itself is not signed: over TLS it
//! cannot be changed on the way; without TLS it can be, and a packet that was changed does not verify. Hashing
//! gigabytes before the first byte goes out would show the same only earlier. Unsigned requests are not made: a bucket that
//! everybody may write to is no exchange.

mod answer;
mod multipart;

use std::path::Path;

use rusty_s3::{Bucket, Method, UrlStyle, signing};
use ureq::Body;
use ureq::http::{Response, StatusCode};
use url::Url;

use self::answer::Trouble;
use super::error::Doing;
use super::http::{Call, Http, LISTING_BYTES, MAX_LISTING_BYTES, Patience, Sending};
use super::transfer::Listing;
use super::{
    Access, Capabilities, Content, Entry, Exchange, ExchangeError, FileName, Folder, Marker, OpenError, Probe, Put, Rename, Scheme, Secret,
    Server,
};
use crate::world::World;

/// How long a signature is good for: stores take as much difference between the clocks.
const SIGNED_SECONDS: u64 = 900;
/// More pages of one listing are a circle. A page has 1,000 files with all stores that are known.
const MAX_PAGES: usize = 1_000;
/// Where neither the address nor the host's name says the region; most stores that are not Amazon's do not care.
const USUAL_REGION: &str = "us-east-1";

/// A bucket, or what lies in it under a prefix, as an exchange.
#[derive(Clone, Debug)]
pub struct S3Exchange {
    http: Http,
    bucket: Bucket,
    /// Empty, or ends with a slash.
    prefix: String,
    key_id: String,
    secret: Secret,
    token: Option<Secret>,
    /// The marker was seen: there are no folders that could say as much.
    marked: bool,
    /// The store knows `If-None-Match`, as far as is known.
    can_refuse: bool,
}

/// One request to the store before it is signed.
#[derive(Clone, Copy)]
struct Ask<'a> {
    method: Method,
    /// None: the bucket itself.
    key: Option<&'a str>,
    query: &'a [(&'a str, &'a str)],
    headers: &'a [(&'a str, &'a str)],
    sending: Sending<'a>,
    expecting: u64,
}

impl<'a> Ask<'a> {
    const fn new(method: Method, key: Option<&'a str>) -> Self {
        Self { method, key, query: &[], headers: &[], sending: Sending::Nothing, expecting: 0 }
    }
}

impl S3Exchange {
    /// The exchange at an address of the schemes `s3` or `s3+http`: `s3://host/bucket/prefix`. Reaches nothing yet.
    ///
    /// # Errors
    /// [`OpenError::Access`] where the address, the login or the certificate cannot be used.
    pub fn new(server: Server, access: &Access) -> Result<Self, OpenError> {
        let place = server.to_string();
        let bad = |why: &str| OpenError::Access { place: place.clone(), why: why.to_owned() };
        let Some(key_id) = server.user.as_ref().or(access.user.as_ref()) else {
            return Err(bad("an S3 store wants a login: the id of a key as user and its secret as password; none means everybody"));
        };
        let secret = access.password.clone().ok_or_else(|| bad("the secret of the key is missing: give it as password"))?;
        let scheme = if server.scheme == Scheme::S3Http { "http" } else { "https" };
        let port = server.port.map_or_else(String::new, |port| format!(":{port}"));
        let endpoint = Url::parse(&format!("{scheme}://{}{port}/", server.host)).map_err(|error| bad(&error.to_string()))?;
        let amazon = is_amazon(&server.host);
        let style = match server.option("style") {
            Some("virtual") => UrlStyle::VirtualHost,
            Some(_) => UrlStyle::Path,
            None if amazon => UrlStyle::VirtualHost,
            None => UrlStyle::Path,
        };
        let region = server.option("region").or_else(|| region_in(&server.host).filter(|_| amazon)).unwrap_or(USUAL_REGION).to_owned();
        let (bucket, prefix) = server.path.split_once('/').unwrap_or((&server.path, ""));
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let bucket = Bucket::new(endpoint, style, bucket.to_owned(), region).map_err(|error| bad(&format!("the bucket: {error}")))?;
        let http = Http::new(place.clone(), access, Patience::USUAL)?;
        let (key_id, token) = (key_id.clone(), access.token.clone());
        Ok(Self { http, bucket, prefix, key_id, secret, token, marked: false, can_refuse: true })
    }

    /// What the store calls a file.
    fn key(&self, folder: &Folder, name: &FileName) -> String {
        format!("{}{name}", self.folder_key(folder))
    }

    /// What the keys of a folder begin with.
    fn folder_key(&self, folder: &Folder) -> String {
        let levels: String = folder.levels().map(|level| format!("{level}/")).collect();
        format!("{}{levels}", self.prefix)
    }

    fn marker_key(&self) -> String {
        self.key(&Folder::root(), &Marker::name())
    }

    /// Signs a request and sends it.
    fn send(&self, world: &World, ask: Ask<'_>) -> Result<Response<Body>, ExchangeError> {
        let url = ask.key.map_or_else(|| self.bucket.base_url().clone(), |key| self.bucket.object_url(key));
        let mut query = ask.query.to_vec();
        query.sort_unstable();
        let now = jiff::Timestamp::from_millisecond(world.now().0).unwrap_or_default();
        let (secret, token) = (self.secret.reveal(), self.token.as_ref().map(Secret::reveal));
        let region = self.bucket.region();
        let headers = std::iter::empty();
        let method = ask.method;
        let signed = signing::sign(&now, method, url, &self.key_id, secret, token, region, SIGNED_SECONDS, query.into_iter(), headers);
        let (headers, sending, expecting) = (ask.headers, ask.sending, ask.expecting);
        self.http.send(world, &Call { method: method.to_str(), url: signed.as_str(), headers, sending, expecting })
    }

    /// Reads what a refusal says.
    fn trouble(&self, world: &World, answer: Response<Body>) -> Result<Trouble, ExchangeError> {
        Trouble::read(&self.http, world, answer)
    }

    fn refuse<T>(&self, world: &World, doing: Doing, answer: Response<Body>) -> Result<T, ExchangeError> {
        let trouble = self.trouble(world, answer)?;
        Err(trouble.into_error(&self.http, doing, &self.bucket))
    }

    /// The bytes of the marker, at most one more than it may have.
    fn marker(&mut self, world: &World) -> Result<Option<Vec<u8>>, ExchangeError> {
        let key = self.marker_key();
        let answer = self.send(world, Ask::new(Method::Get, Some(&key)))?;
        if answer.status() == StatusCode::OK {
            let bytes = self.http.bytes(answer, Marker::MAX_BYTES as u64 + 1)?;
            self.marked = Marker::of(self.http.place(), Some(&bytes)).is_ok();
            return Ok(Some(bytes));
        }
        self.marked = false;
        let trouble = self.trouble(world, answer)?;
        if !trouble.is_no_such_object() {
            return Err(trouble.into_error(&self.http, Doing::Reading, &self.bucket));
        }
        // Not all stores say which of the two is missing, and some would make the bucket with the first object.
        let answer = self.send(world, Ask::new(Method::Head, None))?;
        match answer.status() {
            StatusCode::NOT_FOUND => Err(self.http.refused(format!("there is no bucket `{}`", self.bucket.name()))),
            // Who may only read and write objects may not ask this.
            StatusCode::OK | StatusCode::FORBIDDEN => Ok(None),
            _ => self.refuse(world, Doing::Reading, answer),
        }
    }

    /// What is not there counts as not there only on an exchange.
    fn require_marker(&mut self, world: &World) -> Result<(), ExchangeError> {
        let marker = self.marker(world)?;
        Marker::of(self.http.place(), marker.as_deref()).map(drop)
    }

    /// A store makes what a folder of names needs by itself: the marker is asked for once instead.
    fn require_marker_once(&mut self, world: &World, folder: &Folder) -> Result<(), ExchangeError> {
        if self.marked || *folder == Folder::root() { Ok(()) } else { self.require_marker(world) }
    }

    /// One page of a listing; gives what the next one is asked for with.
    fn page(&self, world: &World, folder: &Folder, listing: &mut Listing, next: Option<&str>) -> Result<Option<String>, ExchangeError> {
        let (prefix, place) = (self.folder_key(folder), self.http.place());
        let mut query = vec![("list-type", "2"), ("delimiter", "/"), ("encoding-type", "url"), ("max-keys", "1000"), ("prefix", &prefix)];
        query.extend(next.map(|token| ("continuation-token", token)));
        let answer = self.send(world, Ask { query: &query, expecting: LISTING_BYTES, ..Ask::new(Method::Get, None) })?;
        if answer.status() != StatusCode::OK {
            return self.refuse(world, Doing::Reading, answer);
        }
        let (mut key, mut size, mut next, mut more, mut seen) = (String::new(), None, None, false, false);
        self.http.each_element(answer, None, MAX_LISTING_BYTES, |path, text| {
            match path {
                ["ListBucketResult", "Contents", "Key"] => text.clone_into(&mut key),
                ["ListBucketResult", "Contents", "Size"] => size = text.parse().ok(),
                ["ListBucketResult", "Contents"] => {
                    let (key, size) = (std::mem::take(&mut key), size.take());
                    if let (Some(name), Some(bytes)) = (name_in(&prefix, &key), size) {
                        listing.push(place, Entry { name, bytes })?;
                    }
                }
                ["ListBucketResult", "IsTruncated"] => more = text == "true",
                ["ListBucketResult", "NextContinuationToken"] => next = Some(text.to_owned()),
                ["ListBucketResult"] => seen = true,
                _ => {}
            }
            Ok(())
        })?;
        if !seen || more && next.is_none() {
            return Err(self.http.refused("the answer to a listing is none: is it an S3 store?"));
        }
        Ok(next.filter(|_| more))
    }

    /// One request for the whole content.
    fn put_whole(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        let (key, bytes) = (self.key(folder, name), content.bytes()?);
        world.step("create on exchange")?;
        loop {
            let headers = [("if-none-match", "*")];
            let headers = if self.can_refuse { &headers[..] } else { &[] };
            let sending = Sending::Part { content, offset: 0, bytes };
            let answer = self.send(world, Ask { headers, sending, ..Ask::new(Method::Put, Some(&key)) })?;
            match answer.status() {
                StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                    Http::finish(answer);
                    return Ok(());
                }
                StatusCode::PRECONDITION_FAILED => {
                    Http::finish(answer);
                    return Err(ExchangeError::Exists { folder: folder.clone(), name: name.clone() });
                }
                StatusCode::NOT_IMPLEMENTED if self.can_refuse => {
                    Http::finish(answer);
                    self.can_refuse = false;
                }
                _ => return self.refuse(world, Doing::Writing, answer),
            }
        }
    }

    /// How long an object is; none where there is none.
    fn bytes_of(&self, world: &World, key: &str) -> Result<Option<u64>, ExchangeError> {
        let answer = self.send(world, Ask::new(Method::Head, Some(key)))?;
        match answer.status() {
            StatusCode::OK => Ok(super::http::length(answer.headers())),
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.refuse(world, Doing::Reading, answer),
        }
    }
}

impl Exchange for S3Exchange {
    fn place(&self) -> String {
        self.http.place().to_owned()
    }

    fn another(&self) -> Option<Box<dyn Exchange>> {
        Some(Box::new(self.clone()))
    }

    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        let capabilities = Capabilities { rename: Rename::Unsupported, put: Put::MayBeShort };
        Ok(Probe { capabilities, marker: self.marker(world)? })
    }

    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        let mut listing = Listing::default();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            next = self.page(world, folder, &mut listing, next.as_deref())?;
            if next.is_none() {
                let found = listing.done();
                if found.is_empty() {
                    self.require_marker(world)?;
                }
                return Ok(found);
            }
        }
        Err(self.http.refused(format!("a listing of more than {MAX_PAGES} pages")))
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        let key = self.key(folder, &entry.name);
        let http = self.http.clone();
        http.fetch(world, entry, to, |method, range, expecting| {
            let method = if method == "HEAD" { Method::Head } else { Method::Get };
            let headers: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
            let answer = self.send(world, Ask { headers: &headers, expecting, ..Ask::new(method, Some(&key)) })?;
            match answer.status() {
                StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Ok(answer),
                StatusCode::NOT_FOUND => {
                    Http::finish(answer);
                    // Also says what is wrong where the bucket is gone.
                    self.require_marker(world)?;
                    Err(ExchangeError::Missing { folder: folder.clone(), name: entry.name.clone() })
                }
                _ => self.refuse(world, Doing::Reading, answer),
            }
        })
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        self.require_marker_once(world, folder)?;
        if content.bytes()? < multipart::FROM_BYTES {
            self.put_whole(world, folder, name, content)
        } else {
            self.put_in_parts(world, folder, name, content, multipart::PART_BYTES)
        }
    }

    fn rename(&mut self, _: &World, _: &Folder, _: &FileName, _: &FileName) -> Result<(), ExchangeError> {
        Err(self.http.refused("a store has no rename"))
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        self.require_marker_once(world, folder)?;
        let key = self.key(folder, name);
        world.step("delete on exchange")?;
        let answer = self.send(world, Ask::new(Method::Delete, Some(&key)))?;
        if answer.status().is_success() {
            Http::finish(answer);
            return Ok(());
        }
        let trouble = self.trouble(world, answer)?;
        if trouble.is_no_such_object() {
            return self.require_marker(world);
        }
        Err(trouble.into_error(&self.http, Doing::Writing, &self.bucket))
    }
}

/// The name of a file of ours, where the key lies in the folder. Stores were seen that ignore `encoding-type`, and both ways to escape a space.
fn name_in(prefix: &str, key: &str) -> Option<FileName> {
    let forms = [Some(key.to_owned()), super::open::unescape(key), super::open::unescape(&key.replace('+', "%20"))];
    let name = forms.into_iter().flatten().find_map(|form| Some(form.strip_prefix(prefix)?.to_owned()))?;
    FileName::new(&name).ok()
}

fn is_amazon(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|end| host.ends_with(end))
}

/// The region a name of Amazon's holds: `s3.eu-central-1.amazonaws.com`, `s3-eu-west-1.amazonaws.com`.
fn region_in(host: &str) -> Option<&str> {
    let is_region = |label: &&str| {
        let parts: Vec<&str> = label.split('-').collect();
        let letters = |part: &&str| part.chars().all(|c| c.is_ascii_lowercase());
        parts.len() >= 3 && parts[..parts.len() - 1].iter().all(letters) && parts[parts.len() - 1].parse::<u8>().is_ok()
    };
    host.split('.').map(|label| label.strip_prefix("s3-").unwrap_or(label)).find(is_region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Address;

    fn server(address: &str) -> Server {
        match Address::parse(address) {
            Ok(Address::Server(server)) => server,
            other => panic!("{other:?}"),
        }
    }

    fn open(address: &str) -> S3Exchange {
        let access = Access { user: Some("id".to_owned()), password: Some(Secret::new("hunter2")), ..Access::default() };
        S3Exchange::new(server(address), &access).unwrap()
    }

    #[test]
    fn region_and_style_come_from_the_name_of_the_host() {
        for (address, url, region) in [
            ("s3://s3.eu-central-1.amazonaws.com/b/p", "https://b.s3.eu-central-1.amazonaws.com/p/x", "eu-central-1"),
            ("s3://s3-eu-west-1.amazonaws.com/b", "https://b.s3-eu-west-1.amazonaws.com/x", "eu-west-1"),
            ("s3://s3.dualstack.us-gov-west-1.amazonaws.com/b", "https://b.s3.dualstack.us-gov-west-1.amazonaws.com/x", "us-gov-west-1"),
            ("s3://s3.amazonaws.com/b?style=path", "https://s3.amazonaws.com/b/x", "us-east-1"),
            ("s3+http://nas:9000/b/p q", "http://nas:9000/b/p%20q/x", "us-east-1"),
            ("s3://minio.eu-west-1.example/b?style=virtual&region=home", "https://b.minio.eu-west-1.example/x", "home"),
        ] {
            let exchange = open(address);
            let key = exchange.key(&Folder::root(), &FileName::new("x").unwrap());
            assert_eq!(exchange.bucket.object_url(&key).as_str(), url, "{address}");
            assert_eq!(exchange.bucket.region(), region, "{address}");
        }
    }

    #[test]
    fn without_a_login_it_says_what_is_missing_and_shows_no_secret() {
        let nobody = S3Exchange::new(server("s3://host/b"), &Access::default()).unwrap_err();
        assert!(nobody.to_string().contains("wants a login"), "{nobody}");
        let half = S3Exchange::new(server("s3://id@host/b"), &Access::default()).unwrap_err();
        assert!(half.to_string().contains("secret of the key is missing"), "{half}");
        assert!(!format!("{:?}", open("s3://host/b")).contains("hunter2"));
    }

    #[test]
    fn a_key_is_ours_only_where_it_lies_in_the_folder() {
        assert_eq!(name_in("a/b/", "a/b/x.fpk").unwrap().as_str(), "x.fpk");
        assert_eq!(name_in("p q/a/", "p+q/a/x").unwrap().as_str(), "x");
        assert_eq!(name_in("p q/a/", "p%20q%2Fa%2Fx").unwrap().as_str(), "x");
        for (prefix, key) in [("a/", "a/b/x"), ("a/", "x"), ("a/", "a/"), ("a/", "a/..%2Fx"), ("a/", "a/X")] {
            assert_eq!(name_in(prefix, key), None, "{key}");
        }
    }
}
