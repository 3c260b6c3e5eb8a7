//! What to do where a packet cannot be made or opened?

use super::operating_system;
use crate::packet::{CodecError, OpenError, SealError};

pub(super) fn packet(error: &OpenError) -> Option<String> {
    let hint = match error {
        OpenError::Truncated => "it may still be on its way: try again later",
        OpenError::NotAPacket => "packets end in .fpk and lie on the exchange in RECIPIENT/SENDER/",
        OpenError::NotForUs { .. } => "only the site it is for can open it; 'fieldpost packet verify' checks it here too",
        OpenError::UnknownSigner { .. } => "is this the right home? 'fieldpost status' lists the neighbours it knows",
        OpenError::NewerVersion { .. } => "install the newest fieldpost here; the packet waits",
        OpenError::Structure { .. }
        | OpenError::NameMismatch
        | OpenError::BadSignature
        | OpenError::PayloadHash
        | OpenError::Decrypt(_)
        | OpenError::ManifestMismatch
        | OpenError::EntryHash { .. }
        | OpenError::Limit { .. } => {
            "it was changed on the way, or nobody of this tree made it; a run sets such files aside and asks again"
        }
        OpenError::Io(error) => return operating_system(error),
        OpenError::Crash(_) => return None,
    };
    Some(hint.to_owned())
}

pub(super) fn sealing(error: &SealError) -> Option<String> {
    match error {
        SealError::Changed(_) => Some("run it again".to_owned()),
        SealError::Io(error) => operating_system(error),
        SealError::Limit { .. } => Some("one record is too large for a packet: make it smaller".to_owned()),
        SealError::Name(_) | SealError::Duplicate(_) | SealError::SenderKeys | SealError::Previous(_) | SealError::Library(_) => {
            Some("this should not happen: nothing was lost; please report it with what was printed".to_owned())
        }
        SealError::Crash(_) => None,
    }
}

pub(super) fn codec(error: &CodecError) -> Option<String> {
    match error {
        CodecError::Io(error) => operating_system(error),
        CodecError::Limit { .. } => Some("one record is too large for a packet: make it smaller".to_owned()),
        CodecError::Key { .. } | CodecError::Block { .. } => {
            Some("a broken program made the packet: tell who sent it; nothing was changed here".to_owned())
        }
        CodecError::Crash(_) => None,
    }
}
