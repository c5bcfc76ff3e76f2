//! Which VM of a process scrapes: a lease in shared data.
//!
//! Every VM contends on its ticks. The holder renews; when it stops, because its
//! VM trapped or its thread hangs, the lease runs out and another claims it.
//! Writes are compare-and-set, so of two claimants one wins. A VM that serves no
//! requests (Envoy's main thread has one) is preferred: parsing metrics there
//! delays nobody.
//!
//! Invariant: between two claims that both succeeded lies a compare-and-set, so
//! two VMs never hold the lease for longer than it takes the loser to tick.
//! Double scraping in that moment is harmless; writing a snapshot is idempotent.
//!
//! The clock may jump. A lease that seems to last longer than any can is treated
//! as run out, so a jump back costs no more than a jump forward: one claim.

use std::time::Duration;

use crate::pools::Millis;

/// How long a claim or renewal lasts. A lost holder is replaced within two of these.
pub const LEASE: Duration = Duration::from_secs(2);

/// How long a busy VM leaves a free lease to idle ones.
const COURTESY: Duration = Duration::from_millis(500);

/// What stands in shared data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The VM that holds the lease: a random number of its own.
    pub holder: u64,
    /// When it runs out.
    pub expires: Millis,
    /// Whether the holder serves requests too.
    pub busy: bool,
}

/// What a VM does about the lease on a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It holds the lease and need not write yet.
    Hold,
    /// It writes this record, if the stored one is still what it read: success
    /// means that it holds the lease.
    Write(Record),
    /// Another one holds the lease.
    Wait,
}

/// One VM's side of the lease.
#[derive(Debug, Clone, Copy)]
pub struct Contender {
    /// A random number of the VM's own.
    pub token: u64,
}

impl Contender {
    /// Decides on a tick, from what is stored.
    #[must_use]
    pub fn step(self, stored: Option<Record>, busy: bool, now: Millis) -> Step {
        let claim = Step::Write(Record { holder: self.token, expires: now + LEASE, busy });
        let Some(stored) = stored else { return claim };
        let left = stored.expires.since(now);
        let run_out = left.is_zero() || left > LEASE.saturating_mul(2);
        if stored.holder == self.token {
            return if run_out || left.saturating_mul(2) < LEASE || stored.busy != busy {
                claim
            } else {
                Step::Hold
            };
        }
        let may_claim = if busy {
            // The jitter keeps busy VMs from claiming all in one tick.
            let courtesy = COURTESY.saturating_add(self.jitter());
            run_out && (left > LEASE || now.since(stored.expires) >= courtesy)
        } else {
            run_out || stored.busy
        };
        if may_claim { claim } else { Step::Wait }
    }

    fn jitter(self) -> Duration {
        Duration::from_millis(self.token % 250)
    }
}

impl Record {
    const SIZE: usize = 2 * size_of::<u64>() + 1;

    /// As bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let fields = self.holder.to_le_bytes().into_iter().chain(self.expires.0.to_le_bytes());
        for (to, from) in bytes.iter_mut().zip(fields.chain([u8::from(self.busy)])) {
            *to = from;
        }
        bytes
    }

    /// From bytes; `None` if they are none of a record.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (holder, rest) = bytes.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let [busy @ 0..=1] = rest else { return None };
        Some(Self {
            holder: u64::from_le_bytes(*holder),
            expires: Millis(u64::from_le_bytes(*expires)),
            busy: *busy == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const TICK: u64 = 50;

    /// Shared data with its compare-and-set, and VMs that tick one after the other.
    #[derive(Debug, Default)]
    struct Process {
        stored: Option<Record>,
    }

    impl Process {
        /// One VM's tick; whether it holds the lease afterwards.
        fn tick(&mut self, token: u64, busy: bool, now: Millis) -> bool {
            let bytes = self.stored.map(Record::to_bytes);
            let read = bytes.and_then(|bytes| Record::from_bytes(&bytes));
            match (Contender { token }).step(read, busy, now) {
                Step::Hold => true,
                Step::Write(record) => {
                    self.stored = Some(record);
                    true
                }
                Step::Wait => false,
            }
        }
    }

    /// Ticks the VMs for `ticks`; who held the lease on the last one.
    fn run(process: &mut Process, vms: &[(u64, bool)], start: u64, ticks: u64) -> Vec<u64> {
        let mut holders = Vec::new();
        for n in 0..ticks {
            let now = Millis(start + n * TICK);
            holders = vms
                .iter()
                .filter(|(t, busy)| process.tick(*t, *busy, now))
                .map(|(t, _)| *t)
                .collect();
            assert!(holders.len() <= 2, "at most the loser of this very tick still believes");
        }
        holders
    }

    #[test]
    fn one_vm_holds_and_keeps_the_lease() {
        let mut process = Process::default();
        let vms = [(1, false), (2, false), (3, false)];
        assert_eq!(run(&mut process, &vms, 0, 3), [1]);
        assert_eq!(run(&mut process, &vms, 150, 400), [1]);
    }

    #[test]
    fn a_lost_holder_is_replaced_within_two_leases() {
        for busy in [false, true] {
            let mut process = Process::default();
            run(&mut process, &[(1, busy), (2, busy)], 0, 10);
            let lost = 10 * TICK;
            let ticks = u64::try_from(2 * LEASE.as_millis()).expect("small") / TICK;
            assert_eq!(run(&mut process, &[(2, busy)], lost, ticks), [2], "busy: {busy}");
        }
    }

    #[test]
    fn an_idle_vm_takes_over_from_a_busy_one() {
        let mut process = Process::default();
        assert_eq!(run(&mut process, &[(1, true)], 0, 5), [1]);
        assert_eq!(run(&mut process, &[(1, true), (2, false)], 250, 5), [2]);
    }

    #[test]
    fn an_idle_vm_gets_a_free_lease_before_busy_ones() {
        let mut process = Process::default();
        run(&mut process, &[(9, false)], 0, 2);
        let vms = [(1, true), (2, true), (3, false)];
        assert_eq!(run(&mut process, &vms, 100, 60), [3]);
    }

    #[test]
    fn a_clock_that_jumps_leaves_one_holder() {
        for jump in [-1_000_000_i64, -2_500, -100, 100, 2_500, 1_000_000] {
            let mut process = Process::default();
            let vms = [(1, true), (2, true), (3, false)];
            run(&mut process, &vms, 2_000_000, 10);
            let start = 2_000_500_u64.saturating_add_signed(jump);
            assert_eq!(run(&mut process, &vms, start, 100).len(), 1, "{jump}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn records_come_back_and_other_bytes_do_not(holder: u64, expires: u64, busy: bool, bytes: Vec<u8>) {
            let record = Record { holder, expires: Millis(expires), busy };
            prop_assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
            prop_assert!(bytes.len() == Record::SIZE || Record::from_bytes(&bytes).is_none());
        }

        #[test]
        fn whatever_is_stored_the_lease_is_won_in_two_leases(holder: u64, expires: u64, stored_busy: bool, start in 0..1_u64 << 50) {
            let mut process = Process { stored: Some(Record { holder, expires: Millis(expires), busy: stored_busy }) };
            let vms = [(5, false), (6, true)];
            prop_assume!(holder != 5 && holder != 6);
            run(&mut process, &vms, start, 2 * 2_000 / TICK + 1);
            prop_assert_eq!(process.stored.map(|record| record.holder), Some(5));
        }
    }
}
