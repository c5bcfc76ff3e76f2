//! What every VM tells for the status page, if there is one.

use std::time::Duration;

use filter_host::BackgroundHost;
use shared::pools::Millis;
use shared::snapshot::encode;
use shared::status::WANTED_KEY;

use super::Moment;
use super::holder::Holder;

/// Between two reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Between two calls for the BBR filters' part.
const CALL_INTERVAL: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct StatusReports {
    reported: Option<Millis>,
    called: Option<Millis>,
}

impl StatusReports {
    /// Reports, if it is time; the VM that scrapes knows more.
    pub(super) fn on_tick<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        holder: Option<&Holder>,
    ) {
        let Moment { host, vm, now } = *moment;
        let is_due = |last: Option<Millis>, pause| last.is_none_or(|l| now.has_passed(l, pause));
        if vm.settings.status.is_none() || !is_due(self.reported, REPORT_INTERVAL) {
            return;
        }
        self.reported = Some(now);
        for place in 0..vm.settings.pools.len() {
            let trouble = holder.map(|holder| holder.scrape_trouble(place)).unwrap_or_default();
            vm.record(|book| book.scraped(place, trouble));
        }
        if let Some(report) = vm.status_report(now) {
            let _ = host.share(&vm.keys.status(vm.token), &encode(&report), None);
        }
        if is_due(self.called, CALL_INTERVAL) {
            self.called = Some(now);
            let _ = host.share(WANTED_KEY, &now.0.to_le_bytes(), None);
        }
    }
}
