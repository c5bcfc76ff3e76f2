//! A server's LoRA slots.

/// Adapters in memory, least recently used first.
#[derive(Debug, Default)]
pub(super) struct Slots {
    resident: Vec<u16>,
    /// Running requests per adapter.
    running: Vec<(u16, usize)>,
    pub(super) loads: u64,
}

impl Slots {
    /// Whether a request for the adapter may start.
    pub(super) fn admits(&self, adapter: u16, max: usize) -> bool {
        self.running.len() < max || self.running.iter().any(|(known, _)| *known == adapter)
    }

    /// A request starts; whether its adapter has to be loaded.
    pub(super) fn start(&mut self, adapter: u16, max: usize) -> bool {
        match self.running.iter_mut().find(|(known, _)| *known == adapter) {
            Some((_, count)) => *count += 1,
            None => self.running.push((adapter, 1)),
        }
        let known = self.resident.iter().position(|known| *known == adapter);
        if let Some(place) = known {
            self.resident.remove(place);
        } else {
            self.loads += 1;
            if self.resident.len() >= max {
                let idle = |a: &u16| !self.running.iter().any(|(running, _)| running == a);
                let victim = self.resident.iter().position(idle).unwrap_or(0);
                self.resident.remove(victim);
            }
        }
        self.resident.push(adapter);
        known.is_none()
    }

    pub(super) fn stop(&mut self, adapter: u16) {
        if let Some((_, count)) = self.running.iter_mut().find(|(known, _)| *known == adapter) {
            *count -= 1;
        }
        self.running.retain(|(_, count)| *count > 0);
    }

    pub(super) fn running(&self) -> Vec<u16> {
        self.running.iter().map(|(adapter, _)| *adapter).collect()
    }

    pub(super) fn is_resident(&self, adapter: u16) -> bool {
        self.resident.contains(&adapter)
    }
}
