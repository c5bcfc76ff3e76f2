//! Lays what clients saw beside what model servers saw, and judges every request.
//!
//! Invariant: a request passes if it was answered once, by a server that got exactly its
//! bytes, exactly once; or if it failed and the fault's own evidence is about *it*.

use crate::fleet::{Record, Seen};
use crate::outcome::{Outcome, Sent};
use simulator::Stage;
use std::time::Instant;

/// What a fault may do to a request.
type Rule = Box<dyn Fn(&Sent, &[Seen]) -> bool + Send + Sync>;

/// Which failures a fault explains.
pub(crate) struct Excuse {
    rule: Rule,
    from: Instant,
    /// None while it lasts.
    to: Option<Instant>,
}

impl Excuse {
    /// From now on.
    pub fn now(rule: impl Fn(&Sent, &[Seen]) -> bool + Send + Sync + 'static) -> Self {
        Self { rule: Box::new(rule), from: Instant::now(), to: None }
    }

    /// Whatever begins from now on has no such excuse.
    pub fn over(&mut self) {
        self.to.get_or_insert_with(Instant::now);
    }

    fn explains(&self, sent: &Sent, seen: &[Seen]) -> bool {
        let in_time = sent.ended >= self.from && self.to.is_none_or(|to| sent.began <= to);
        in_time && (self.rule)(sent, seen)
    }
}

/// How many requests ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub requests: usize,
    /// Whole answers by the first digit of their status: 2xx, 4xx, 5xx.
    pub answered: [usize; 3],
    /// Connections and streams that broke.
    pub broken: usize,
    /// Those whose clients were told to leave.
    pub given_up: usize,
    /// Failures that the fault explains.
    pub explained: usize,
    /// Failures that it does not, in words.
    pub unexplained: Vec<String>,
    /// Requests that two servers got whole, or one twice.
    pub twice: Vec<String>,
    /// Answers that no server gave, and bodies that arrived as other ones.
    pub lost: Vec<String>,
}

impl Judgement {
    /// Judges all requests of a load.
    pub fn of(sent: &[Sent], record: &Record, excuses: &[Excuse]) -> Self {
        let mut judgement = Self { requests: sent.len(), ..Self::default() };
        for sent in sent {
            let seen = record.get(&sent.number).map_or(&[][..], Vec::as_slice);
            judgement.count(sent);
            judgement.compare(sent, seen);
            if sent.is_good() {
                continue;
            }
            if excuses.iter().any(|excuse| excuse.explains(sent, seen)) {
                judgement.explained += 1;
            } else {
                judgement.unexplained.push(format!("{sent:?}; servers saw {seen:?}"));
            }
        }
        judgement
    }

    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.unexplained.is_empty() && self.twice.is_empty() && self.lost.is_empty()
    }

    fn count(&mut self, sent: &Sent) {
        match &sent.outcome {
            Outcome::Answered(told) => match told.status {
                200..300 => self.answered[0] += 1,
                ..500 => self.answered[1] += 1,
                _ => self.answered[2] += 1,
            },
            Outcome::Broken(_) => self.broken += 1,
            Outcome::GivenUp => self.given_up += 1,
        }
    }

    fn compare(&mut self, sent: &Sent, seen: &[Seen]) {
        let whole: Vec<&Seen> = seen.iter().filter(|seen| seen.sha256.is_some()).collect();
        if whole.len() > 1 {
            self.twice.push(format!("{sent:?}; servers saw {seen:?}"));
        }
        let right = |seen: &&&Seen| seen.sha256.as_ref() == Some(&sent.sha256);
        let served = whole.iter().filter(right).any(|seen| {
            seen.stage == Stage::Completed
                && sent.told().and_then(|told| told.pod.as_ref()) == Some(&seen.server)
        });
        let changed = whole.iter().filter(right).count() < whole.len();
        if changed || (sent.is_good() && !served) {
            self.lost.push(format!("{sent:?}; servers saw {seen:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Told;
    use gateway_tests::Version;

    fn sent(outcome: Outcome) -> Sent {
        let now = Instant::now();
        Sent {
            number: 1,
            pool: "p",
            version: Version::H1,
            streamed: false,
            sha256: "body".to_owned(),
            began: now,
            ended: now,
            outcome,
        }
    }

    fn answered(status: u16, pod: Option<&str>) -> Sent {
        sent(Outcome::Answered(Told { status, pod: pod.map(str::to_owned), ..Told::default() }))
    }

    fn seen(server: &str, stage: Stage, sha256: Option<&str>) -> Seen {
        Seen { server: server.to_owned(), stage, sha256: sha256.map(str::to_owned) }
    }

    fn judge(sent: Sent, seen: &[Seen], excuses: &[Excuse]) -> Judgement {
        Judgement::of(&[sent], &Record::from([(1, seen.to_vec())]), excuses)
    }

    #[test]
    fn an_answer_by_the_server_that_got_the_bytes_is_clean() {
        let judged =
            judge(answered(200, Some("a")), &[seen("a", Stage::Completed, Some("body"))], &[]);
        assert!(judged.is_clean(), "{judged:?}");
        // A try that never arrived whole is Envoy's retry.
        let retried = [seen("b", Stage::Aborted, None), seen("a", Stage::Completed, Some("body"))];
        assert!(judge(answered(200, Some("a")), &retried, &[]).is_clean());
    }

    #[test]
    fn what_two_servers_got_whole_was_sent_twice() {
        let both =
            [seen("b", Stage::Aborted, Some("body")), seen("a", Stage::Completed, Some("body"))];
        let judged = judge(answered(200, Some("a")), &both, &[]);
        assert_eq!((judged.twice.len(), judged.lost.len()), (1, 0), "{judged:?}");
    }

    #[test]
    fn an_answer_nobody_gave_and_a_body_nobody_sent_are_lost() {
        for seen in [
            vec![],
            vec![seen("b", Stage::Completed, Some("body"))],
            vec![seen("a", Stage::Completed, Some("another"))],
            vec![seen("a", Stage::Aborted, Some("body"))],
        ] {
            let judged = judge(answered(200, Some("a")), &seen, &[]);
            assert_eq!(judged.lost.len(), 1, "{seen:?}");
        }
    }

    #[test]
    fn a_failure_needs_an_excuse_of_its_time_and_kind() {
        let mut excuse = Excuse::now(|sent, _| sent.told().is_some_and(|told| told.status == 503));
        let failed = |status| answered(status, None);
        assert_eq!(judge(failed(503), &[], &[]).unexplained.len(), 1);
        assert_eq!(judge(failed(404), &[], std::slice::from_ref(&excuse)).unexplained.len(), 1);
        assert_eq!(judge(failed(503), &[], std::slice::from_ref(&excuse)).explained, 1);
        excuse.over();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(judge(failed(503), &[], &[excuse]).unexplained.len(), 1);
    }
}
