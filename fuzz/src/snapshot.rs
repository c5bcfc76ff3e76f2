//! The decoder of what VMs leave each other in shared data.
//!
//! Claims: no bytes make it panic or allocate beyond their own size; what it takes from
//! bytes of the right frame comes back the same when it is written and read again. The
//! fuzzer cannot guess a checksum, so the bytes are also read as content, framed here.

use shared::snapshot::{LoadReport, Message, Snapshot, Workers, decode, encode};

/// Panics if the bytes show a bug.
pub fn check(data: &[u8]) {
    check_kind::<Snapshot>(data);
    check_kind::<LoadReport>(data);
    check_kind::<Workers>(data);
}

fn check_kind<M: Message>(data: &[u8]) {
    if let Ok(message) = decode::<M>(data) {
        check_again(&message);
    }
    if let Ok(message) = decode::<M>(&framed::<M>(data)) {
        check_again(&message);
    }
}

/// Compares what is written: a NaN in a message is no reason to differ.
fn check_again<M: Message>(message: &M) {
    let written = encode(message);
    let again = decode::<M>(&written);
    assert!(again.is_ok_and(|again| encode(&again) == written));
}

/// The content behind a head that fits it: that of an encoded message, with length and
/// checksum replaced.
fn framed<M: Message>(content: &[u8]) -> Vec<u8> {
    let version = encode(&Workers::default());
    let mut bytes = M::MAGIC.to_vec();
    bytes.extend_from_slice(&version[4..6]);
    bytes.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    bytes.extend_from_slice(content);
    bytes
}
