//! The GPU's LoRA slots: how many adapters may run at once and which are
//! resident.
//!
//! Invariant: adapters with running requests never exceed `max`, and an adapter
//! with running requests is always resident. As in vLLM a request whose adapter
//! finds no slot waits while those behind it may pass.

use std::collections::BTreeMap;

/// The slots.
#[derive(Debug)]
pub struct AdapterSlots {
    max: usize,
    /// Adapter → requests running with it.
    running: BTreeMap<String, usize>,
    /// Least recently used first; `max` at most.
    resident: Vec<String>,
}

impl AdapterSlots {
    /// `max` slots, all empty.
    pub fn new(max: usize) -> Self {
        Self { max, running: BTreeMap::new(), resident: Vec::new() }
    }

    /// May a request with this adapter start now?
    pub fn admits(&self, adapter: &str) -> bool {
        self.running.contains_key(adapter) || self.running.len() < self.max
    }

    /// Starts a request; true if the adapter has to be loaded for it.
    pub fn start(&mut self, adapter: &str) -> bool {
        *self.running.entry(adapter.to_owned()).or_insert(0) += 1;
        let was_resident = match self.resident.iter().position(|name| name == adapter) {
            Some(at) => {
                self.resident.remove(at);
                true
            }
            None => false,
        };
        if self.resident.len() >= self.max {
            let idle = self.resident.iter().position(|name| !self.running.contains_key(name));
            if let Some(at) = idle {
                self.resident.remove(at);
            }
        }
        self.resident.push(adapter.to_owned());
        !was_resident
    }

    /// Ends a request.
    pub fn stop(&mut self, adapter: &str) {
        if let Some(count) = self.running.get_mut(adapter) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(adapter);
            }
        }
    }

    /// Forgets an adapter that was unloaded; requests that run with it go on.
    pub fn evict(&mut self, adapter: &str) {
        if !self.running.contains_key(adapter) {
            self.resident.retain(|name| name != adapter);
        }
    }

    /// Adapters with running requests, by name.
    pub fn running(&self) -> impl Iterator<Item = &str> {
        self.running.keys().map(String::as_str)
    }

    /// Adapters whose weights are on the GPU, least recently used first.
    pub fn resident(&self) -> &[String] {
        &self.resident
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_loaded_once_and_again_only_after_it_lost_its_slot() {
        let mut slots = AdapterSlots::new(2);
        assert!(slots.start("a"));
        slots.stop("a");
        assert!(!slots.start("a"));
        slots.stop("a");
        for other in ["b", "c"] {
            assert!(slots.start(other));
            slots.stop(other);
        }
        assert_eq!(slots.resident(), ["b", "c"]);
        assert!(slots.start("a"));
    }

    #[test]
    fn slots_in_use_are_not_taken_over() {
        let mut slots = AdapterSlots::new(1);
        slots.start("a");
        assert!(slots.admits("a"));
        assert!(!slots.admits("b"));
        slots.stop("a");
        assert!(slots.admits("b"));
    }

    #[test]
    fn the_running_adapter_keeps_its_slot_when_an_idle_one_can_go() {
        let mut slots = AdapterSlots::new(2);
        slots.start("a");
        slots.start("b");
        slots.stop("b");
        slots.start("c");
        assert_eq!(slots.resident(), ["a", "c"]);
    }
}
