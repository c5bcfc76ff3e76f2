//! Who is refused while a pool is saturated.

/// A request's priority; below 0 it may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Priority(pub i32);

/// Whether a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It goes on.
    Admitted,
    /// It is refused with 429.
    Shed,
}

impl Priority {
    /// Decides at a pool's saturation: 1 and above is saturated (the reference's rule).
    #[must_use]
    pub fn admit(self, saturation: f32) -> Admission {
        if self.0 < 0 && saturation >= 1.0 { Admission::Shed } else { Admission::Admitted }
    }
}
