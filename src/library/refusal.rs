//! Why something in the folder is no document of the library, or is in the way of one.

use crate::model::NameFault;

/// Why something in the folder is no document of the library, or is in the way of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its name is not safe everywhere.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// Another is the same name on some system.
    #[error("`{0}` is the same name on systems that do not tell upper from lower case")]
    Collides(String),
    /// A link.
    #[error("links are not followed")]
    Link,
    /// A folder where a file should be.
    #[error("it is a folder")]
    Folder,
    /// A file where a folder should be.
    #[error("`{0}` is not a folder")]
    NotAFolder(String),
    /// A file where another should get its name.
    #[error("there is a file of that name")]
    Taken,
    /// A pipe, a socket, a device.
    #[error("it is neither a file nor a folder")]
    Special,
    /// Larger than the patterns or the format allow.
    #[error("it has {bytes} bytes, the most is {largest}")]
    TooLarge {
        /// Its bytes.
        bytes: u64,
        /// The most.
        largest: u64,
    },
    /// It cannot be read; what the operating system says.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}
