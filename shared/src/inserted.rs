//! Maps and ordered lists out of iterators, entry by entry.
//!
//! Rejected: `collect()` into a map, and `sort_by_key()`. Both bring a sort of their own for
//! every type of entry, 3 to 10 KiB of a module each, and what comes here is short, or in
//! order but for a few.

/// The map or set of these entries; of two with the same key the later stays.
#[must_use]
pub fn inserted<Map: Default + Extend<Entry>, Entry>(
    entries: impl IntoIterator<Item = Entry>,
) -> Map {
    let mut map = Map::default();
    map.extend(entries);
    map
}

/// The entries in the order of their keys; of two with the same key the first stays.
///
/// Linear for entries that are in order, quadratic in memory moved at worst: under a
/// millisecond for a thousand small ones.
#[must_use]
pub fn ordered<Entry, Key: Ord>(
    entries: impl IntoIterator<Item = Entry>,
    key: impl Fn(&Entry) -> Key,
) -> Vec<Entry> {
    let entries = entries.into_iter();
    let mut list: Vec<Entry> = Vec::with_capacity(entries.size_hint().0);
    for entry in entries {
        let new = key(&entry);
        // Most come in order.
        if list.last().is_none_or(|last| key(last) < new) {
            list.push(entry);
        } else if let Err(at) = list.binary_search_by_key(&new, &key) {
            list.insert(at, entry);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn it_is_the_map_that_collect_makes() {
        let entries = [(3, 'a'), (1, 'b'), (3, 'c')];
        let map: BTreeMap<_, _> = inserted(entries);
        assert_eq!(map, entries.into_iter().collect());
    }

    #[test]
    fn entries_are_ordered_and_the_first_of_a_key_stays() {
        let entries = [(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd'), (4, 'e'), (1, 'f')];
        let expected = [(1, 'b'), (2, 'd'), (3, 'a'), (4, 'e')];
        assert_eq!(ordered(entries, |entry| entry.0), expected);
    }
}
