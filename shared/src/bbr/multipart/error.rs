//! Why a body is not a form, or one that two parsers may read in two ways.

use super::MAX_HEAD_BYTES;

/// What is wrong with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It does not begin with its boundary.
    #[error("it does not start with the boundary")]
    Start,
    /// It ends before its last boundary.
    #[error("it ends before its last boundary")]
    CutShort,
    /// Behind a boundary comes something else than a line's end or `--`.
    #[error("a boundary is not followed by a line's end or \"--\"")]
    Delimiter,
    /// The boundary stands where it delimits nothing.
    #[error("the boundary stands inside a part")]
    StrayDelimiter,
    /// The headers of a part are too long.
    #[error("the headers of a part are longer than {MAX_HEAD_BYTES} bytes")]
    HeadTooLong,
    /// The headers of a part are no headers.
    #[error("a part has headers that cannot be read")]
    Head,
    /// A part has no name, or one with more than one reading.
    #[error("a part needs one header \"content-disposition: form-data\" with one plain name")]
    Disposition,
    /// The model's text is encoded.
    #[error("the field \"model\" must be plain UTF-8")]
    EncodedModel,
}
