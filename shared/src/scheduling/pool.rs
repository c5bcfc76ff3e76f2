//! One worker's copy of a pool.

use std::time::Duration;

use super::adapters::AdapterKey;
use super::endpoint::{Endpoint, Health, Observation};
use super::field::Candidates;
use super::prefix::{LearnedSpeed, News, Prefill, Prefixes, Prompt};
use super::profile::Profile;
use super::reported::Reported;
use super::row::Row;
use super::rows::Rows;
use crate::ordered;
use crate::pools::{EndpointId, Millis};

/// One worker's copy of a pool, sorted by endpoint.
#[derive(Debug, Default)]
pub struct Pool {
    endpoints: Vec<Endpoint>,
    /// What picks read of the endpoints, in their order.
    pub(super) rows: Rows,
    /// The metrics of every endpoint that is ready are of this time or newer; none if one has
    /// none, as far as the last snapshot said.
    pub(super) oldest: Option<Millis>,
    known: bool,
    /// Whether the endpoints' caches are of more than one size.
    pub(super) caches_differ: bool,
    /// Kept between picks, so that a pick allocates nothing.
    pub(super) scratch: Candidates,
    /// None until a pick with a profile that wants it.
    pub(super) prefixes: Option<Box<Prefixes>>,
}

/// A request that was sent; handed back to [`Pool::end`] once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Where.
    pub endpoint: EndpointId,
    /// When.
    pub at: Millis,
}

/// What a snapshot says of one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Which.
    pub id: EndpointId,
    /// Whether it may get requests.
    pub health: Health,
    /// The last scrape.
    pub observation: Option<Observation>,
    /// Other workers' requests there.
    pub others_in_flight: u32,
    /// Those of them that the last scrape cannot have seen.
    pub others_fresh: u32,
    /// Those that it has seen and that are over.
    pub others_over: u32,
}

impl Pool {
    /// The endpoints, sorted by identity.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Whether anything was ever said about this pool; before, it is empty because
    /// nobody has looked yet.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The mean saturation of the endpoints that are ready, as a pick would find it; none
    /// if there are none.
    #[must_use]
    pub fn saturation(&self, profile: &Profile, now: Millis) -> Option<f32> {
        let fading = profile.staleness.fading();
        let (sum, count) = self.rows.are_ready().fold((0.0, 0_u32), |(sum, count), row| {
            (sum + row.saturation(fading.trust(row.seen_at, now)), count.saturating_add(1))
        });
        (count > 0).then(|| sum / count as f32)
    }

    /// Takes over what a snapshot says. Endpoints it does not name leave; what this
    /// worker itself knows of the others stays.
    pub fn update(&mut self, updates: Vec<Update>) {
        self.known = true;
        let updates = ordered(updates, |update| update.id);
        self.seat(&updates);
        for (endpoint, update) in self.endpoints.iter_mut().zip(updates) {
            endpoint.health = update.health;
            endpoint.others_in_flight = update.others_in_flight;
            endpoint.others_fresh = update.others_fresh;
            endpoint.others_over = update.others_over;
            endpoint.observe(update.observation);
        }
        self.size_caches();
        self.rows.set_all(&self.endpoints);
        // What comes before the next snapshot only makes metrics newer.
        self.oldest = self.rows.are_ready().map(|row| row.seen_at).min().flatten();
    }

    /// Makes the endpoints those of the updates, in their order. Nearly always they are.
    fn seat(&mut self, updates: &[Update]) {
        let ids = updates.iter().map(|update| update.id);
        if self.endpoints.iter().map(|endpoint| endpoint.id).eq(ids.clone()) {
            return;
        }
        let old = std::mem::take(&mut self.endpoints);
        self.endpoints.reserve(updates.len());
        // Both are sorted: one walk over the two.
        let mut old = old.into_iter().peekable();
        for id in ids {
            while old.next_if(|endpoint| endpoint.id < id).is_some() {}
            let known = old.next_if(|endpoint| endpoint.id == id);
            self.endpoints.push(known.unwrap_or_else(|| Endpoint::new(id)));
        }
    }

    /// An endpoint that does not tell the size of its cache counts as one of middling size.
    fn size_caches(&mut self) {
        let told = |endpoint: &Endpoint| endpoint.observation.as_ref()?.cache_tokens;
        let (sum, count) = self
            .endpoints
            .iter()
            .filter_map(told)
            .fold((0.0, 0.0), |(sum, count), tokens| (sum + tokens as f32, count + 1.0));
        let mean = if count > 0.0 { sum / count } else { 1.0 };
        for endpoint in &mut self.endpoints {
            endpoint.cache = told(endpoint).map_or(mean, |tokens| tokens as f32);
        }
        let first = self.endpoints.first().map(|endpoint| endpoint.cache);
        self.caches_differ = self.endpoints.iter().any(|endpoint| Some(endpoint.cache) != first);
    }

    /// Counts a request that was sent.
    pub fn start(
        &mut self,
        id: EndpointId,
        adapter: Option<AdapterKey>,
        now: Millis,
    ) -> Option<Started> {
        self.change(id, |endpoint| {
            endpoint.in_flight.start(now);
            endpoint.picks = endpoint.picks.wrapping_add(1);
            if let Some(adapter) = adapter {
                endpoint.memory.note(adapter, now);
            }
        })?;
        Some(Started { endpoint: id, at: now })
    }

    /// Notes the prompt of a request that was just picked for and sent. None while no
    /// scorer of the pool looks at prompts.
    pub fn start_prompt(
        &mut self,
        id: EndpointId,
        prompt: &Prompt<'_>,
        adapter: Option<AdapterKey>,
        now: Millis,
    ) -> Option<Prefill> {
        let place = self.place(id)?;
        let prefixes = self.prefixes.as_mut()?;
        Some(prefixes.sent(place, self.endpoints.get_mut(place)?, prompt, adapter, now))
    }

    /// The first byte of the answer to a prompt came.
    pub fn first_byte(&mut self, prefill: Prefill, now: Millis) {
        if let Some(place) = self.place(prefill.endpoint)
            && let Some(endpoint) = self.endpoints.get_mut(place)
            && let Some(prefixes) = self.prefixes.as_mut()
        {
            prefixes.first_byte(endpoint, prefill, now);
        }
    }

    /// A prompt is computed, nobody knows since when.
    pub fn prefilled(&mut self, prefill: Prefill, now: Millis) {
        if let Some(place) = self.place(prefill.endpoint)
            && let Some(endpoint) = self.endpoints.get_mut(place)
        {
            endpoint.backlog.reached(prefill.mark, now);
        }
    }

    /// How fast this worker saw prompts computed; none while it saw none.
    #[must_use]
    pub fn observed_speed(&self) -> Option<LearnedSpeed> {
        self.prefixes.as_ref()?.observed_speed()
    }

    /// Whether it is known how fast prompts are computed, from here or from other workers.
    #[must_use]
    pub fn knows_speed(&self) -> bool {
        self.prefixes.as_ref().is_some_and(|prefixes| prefixes.has_learned())
    }

    /// How fast all workers saw prompts computed, together.
    pub fn hear_speed(&mut self, told: LearnedSpeed) {
        self.prefixes.get_or_insert_default().hear_speed(told);
    }

    /// What was sent where since this was asked last, for this worker's neighbours.
    pub fn take_prefix_news(&mut self) -> Vec<News> {
        self.prefixes.as_mut().map(|prefixes| prefixes.take_news()).unwrap_or_default()
    }

    /// What a neighbour sent where.
    pub fn hear_prefix_news(&mut self, news: &[News], now: Millis) {
        // They may come before this worker's first prompt.
        self.prefixes.get_or_insert_default().hear(news, now);
    }

    /// Counts a request's end. One whose endpoint has left is forgotten.
    pub fn end(&mut self, started: Started, now: Millis) {
        self.change(started.endpoint, |endpoint| endpoint.in_flight.end(started.at, now));
    }

    /// Remembers a failure of an endpoint.
    pub fn note_failure(&mut self, id: EndpointId, now: Millis, half_life: Duration) {
        self.change(id, |endpoint| endpoint.trouble.note_failure(now, half_life));
    }

    /// Takes over what a response said about its endpoint, if it is news.
    pub fn report(&mut self, id: EndpointId, reported: Reported, now: Millis) {
        self.change(id, |endpoint| reported.apply(&mut endpoint.observation, now));
    }

    /// The endpoint of this identity.
    #[must_use]
    pub fn get(&self, id: EndpointId) -> Option<&Endpoint> {
        self.endpoints.get(self.place(id)?)
    }

    /// Where the endpoint of this identity stands.
    pub(super) fn place(&self, id: EndpointId) -> Option<usize> {
        self.endpoints.binary_search_by_key(&id, |endpoint| endpoint.id).ok()
    }

    /// What is known of the endpoint at a place.
    pub(super) fn at(&self, place: usize) -> Option<(&Row, &Endpoint)> {
        self.rows.get(place).zip(self.endpoints.get(place))
    }

    /// Changes an endpoint, and what picks read of it.
    fn change<T>(&mut self, id: EndpointId, change: impl FnOnce(&mut Endpoint) -> T) -> Option<T> {
        let place = self.place(id)?;
        let endpoint = self.endpoints.get_mut(place)?;
        let result = change(endpoint);
        self.rows.set(place, endpoint);
        Some(result)
    }
}
