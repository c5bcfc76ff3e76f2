//! What became of a request: one counter each.

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident => $label:literal,)+) => {
        /// What became of a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Outcome {
            $($(#[$doc])* $variant,)+
        }

        impl Outcome {
            /// All outcomes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value of the counter's label.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}

outcomes! {
    /// Its body was none of the filter's business.
    Passed => "passed",
    /// Routed to a base model.
    BaseModel => "base_model",
    /// Routed to an adapter of a base model.
    Adapter => "adapter",
    /// Let through with a model the configuration does not name.
    UnknownModel => "unknown_model",
    /// Let through without a model.
    MissingModel => "missing_model",
    /// Answered with the list of models, or one of them.
    ServedModels => "served_models",
    /// Refused: not JSON.
    MalformedJson => "malformed_json",
    /// Refused: not multipart.
    MalformedMultipart => "malformed_multipart",
    /// Refused: more than one model.
    DuplicateModel => "duplicate_model",
    /// Refused: a model that cannot be a model's name.
    InvalidModel => "invalid_model",
    /// Refused: a model the configuration does not name.
    RejectedUnknownModel => "rejected_unknown_model",
    /// Refused: no model.
    RejectedMissingModel => "rejected_missing_model",
    /// Refused: too large.
    BodyTooLarge => "body_too_large",
    /// Refused: compressed.
    EncodedBody => "encoded_body",
    /// Refused: the host failed.
    HostFailure => "host_failure",
    /// Refused: Envoy is not configured to hand over bodies.
    BodyWithheld => "body_withheld",
    /// The client went away before the verdict.
    Aborted => "aborted",
}
