//! JSON's grammar of numbers, one byte at a time.

/// What has been seen of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Minus,
    /// A leading zero, behind which no digit may follow.
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    ExponentSign,
    Exponent,
}

/// What a byte does to a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Continues(Number),
    /// The number ended before this byte.
    Ended,
    /// A digit had to stand here.
    DigitMissing,
}

impl Number {
    /// The number that starts with `byte`, if one can.
    #[inline]
    pub(super) fn start(byte: u8) -> Option<Self> {
        match byte {
            b'-' => Some(Self::Minus),
            b'0' => Some(Self::Zero),
            b'1'..=b'9' => Some(Self::Integer),
            _ => None,
        }
    }

    /// Whether the number may end here.
    #[inline]
    pub(super) fn is_complete(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Exponent)
    }

    #[inline]
    pub(super) fn step(self, byte: u8) -> Step {
        let next = match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus | Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::E, b'+' | b'-') => Self::ExponentSign,
            (Self::E | Self::ExponentSign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ if self.is_complete() => return Step::Ended,
            _ => return Step::DigitMissing,
        };
        Step::Continues(next)
    }
}
