//! As much WebDAV as the exchange uses, in memory, for `server.rs` to serve.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;

use crate::server::{Answer, Faults, Request, Service};

/// Folders end with a slash. The root and what the tests make in it are there from the start.
#[derive(Default)]
pub struct Dav {
    pub folders: BTreeSet<String>,
    pub files: BTreeMap<String, Vec<u8>>,
    /// `Authorization` headers that came.
    pub logins: Vec<String>,
}

impl Dav {
    fn parent(path: &str) -> String {
        let path = path.trim_end_matches('/');
        path[..path.rfind('/').map_or(0, |at| at + 1)].to_owned()
    }

    fn props(faults: &Faults, path: &str, bytes: Option<usize>) -> String {
        let kind = if bytes.is_some() { "" } else { "<D:collection/>" };
        let length = bytes.map_or_else(String::new, |bytes| format!("<D:getcontentlength>{bytes}</D:getcontentlength>"));
        if !faults.odd_names {
            return format!(
                "<D:response><D:href>{path}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>{length}</D:prop>\
                 <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
            );
        }
        // Another name for the namespace, the status first, an alien and a missing property, and the whole address with escapes.
        let escaped = path.replace('f', "%66").replace('-', "%2D");
        let (kind, length) = (kind.replace("D:", ""), length.replace("D:", ""));
        format!(
            "<response xmlns='DAV:' xmlns:o='other'><o:href>/nonsense</o:href><propstat><status>HTTP/1.1 200 OK</status><prop>\
             <o:resourcetype><o:collection/></o:resourcetype><resourcetype>{kind}</resourcetype>{length}</prop></propstat>\
             <propstat><status>HTTP/1.1 404 Not Found</status><prop><getcontentlength>77</getcontentlength></prop></propstat>\
             <href>http://elsewhere.example{escaped}</href></response>"
        )
    }

    fn propfind(&self, request: &Request, faults: &Faults, path: &str) -> Answer {
        let folder = format!("{}/", path.trim_end_matches('/'));
        let mut body = String::from("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">");
        if let Some(bytes) = self.files.get(path) {
            body += &Self::props(faults, path, Some(bytes.len()));
        } else if self.folders.contains(&folder) {
            body += &Self::props(faults, &folder, None);
            if request.header("depth") == "1" {
                for inner in self.folders.iter().filter(|inner| **inner != folder && Self::parent(inner) == folder) {
                    body += &Self::props(faults, inner, None);
                }
                for (file, bytes) in self.files.iter().filter(|(file, _)| Self::parent(file) == folder) {
                    body += &Self::props(faults, file, Some(bytes.len()));
                }
            }
        } else {
            return Answer::new(404);
        }
        Answer::xml(207, body + "</D:multistatus>")
    }

    fn rename(&mut self, request: &Request, faults: &Faults, path: &str) -> Answer {
        let to = request.header("destination");
        if faults.old && to.contains("://") {
            return Answer::new(502);
        }
        let to = to.split_once("://").map_or(to, |(_, rest)| &rest[rest.find('/').unwrap()..]).to_owned();
        if !self.files.contains_key(path) {
            // As Go's server says it.
            return Answer::new(if faults.odd_names { 403 } else { 404 });
        }
        if !faults.renames_over && request.header("overwrite") == "F" && self.files.contains_key(&to) {
            return Answer::new(412);
        }
        let bytes = self.files.remove(path).unwrap();
        self.files.insert(to, bytes);
        Answer::new(201)
    }
}

impl Service for Dav {
    fn answer(&mut self, request: &Request, faults: &Faults) -> Answer {
        let sent = request.header("authorization").to_owned();
        if let Some(wants) = faults.wants {
            self.logins.push(sent.clone());
            if sent != format!("Basic {}", BASE64.encode(b"field:post")) {
                return Answer { headers: vec![("www-authenticate", format!("{wants} realm=\"x\""))], ..Answer::new(401) };
            }
        }
        let path = request.target.clone();
        match request.method.as_str() {
            "PROPFIND" => self.propfind(request, faults, &path),
            "GET" | "HEAD" => self.files.get(&path).map_or_else(|| Answer::new(404), |bytes| Answer::file(request, faults, bytes)),
            "PUT" if !self.folders.contains(&Self::parent(&path)) => Answer::new(409),
            "PUT" => {
                // A cut-off upload leaves its beginning, as Apache leaves it.
                self.files.insert(path, request.body.clone());
                Answer::new(201)
            }
            "MKCOL" if !self.folders.contains(&Self::parent(&path)) => Answer::new(409),
            "MKCOL" => Answer::new(if self.folders.insert(path) { 201 } else { 405 }),
            "DELETE" => Answer::new(if self.files.remove(&path).is_some() { 204 } else { 404 }),
            "MOVE" => self.rename(request, faults, &path),
            _ => Answer::new(501),
        }
    }
}
