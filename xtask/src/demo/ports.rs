//! Which ports the demo takes.
//!
//! Invariant: a port that is taken is found before anything is started, and named
//! together with the option that changes it. Envoy alone would not notice: it shares
//! its listeners' ports with any other Envoy of the same user.

use super::pools;
use envoy_runner::{PortsError, free_ports};
use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};

/// The gateway's port in `envoy-config/guides.yaml`.
pub(super) const GATEWAY: u16 = 8080;
/// The admin port in `envoy-config/guides.yaml`.
pub(super) const ADMIN: u16 = 9901;
/// The status page's port in `envoy-config/guides.yaml`.
pub(super) const STATUS: u16 = 9902;
/// The first endpoint's port in `envoy-config/guides.yaml`; the others follow.
pub(super) const SIMULATORS: u16 = 8001;

#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) gateway: u16,
    pub(super) admin: u16,
    pub(super) status: u16,
    pub(super) simulators_from: u16,
}

/// Why these ports cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PortError {
    #[error("port {port} is in use; choose another one with {option}")]
    Busy { port: u16, option: &'static str },
    #[error("port {port} is wanted twice; change it with {option}")]
    Twice { port: u16, option: &'static str },
    #[error("the model servers need {count} ports from 1 to 65535; lower {SIMULATORS_OPTION}")]
    OutOfRange { count: u16 },
}

/// Bounds the search for free ports in a row.
const FREE_TRIES: usize = 100;

const SIMULATORS_OPTION: &str = "--simulator-ports-from";

impl Ports {
    /// Every port with the option that sets it.
    fn all(self) -> Result<Vec<(u16, &'static str)>, PortError> {
        let count = pools::servers();
        let out_of_range = PortError::OutOfRange { count };
        let end = self.simulators_from.checked_add(count - 1);
        let end = end.filter(|_| self.simulators_from > 0).ok_or(out_of_range)?;
        let simulators = (self.simulators_from..=end).map(|port| (port, SIMULATORS_OPTION));
        let others = [
            (self.gateway, "--gateway-port"),
            (self.admin, "--admin-port"),
            (self.status, "--status-port"),
        ];
        Ok(simulators.chain(others).collect())
    }

    /// Ports that nothing uses.
    pub(super) fn free() -> Result<Self, PortsError> {
        let count = pools::servers() + 3;
        // The model servers' ports follow each other; a port in use may stand between.
        for _ in 0..FREE_TRIES {
            let ports = free_ports(count.into())?;
            if let (&[gateway, admin, status, simulators_from, ..], true) =
                (ports.as_slice(), ports.is_sorted_by(|a, b| a + 1 == *b))
            {
                return Ok(Self { gateway, admin, status, simulators_from });
            }
        }
        Err(PortsError::TooFew { wanted: count.into(), found: 0 })
    }

    /// Whether each port is there for the taking.
    pub(super) fn check(self) -> Result<(), PortError> {
        let all = self.all()?;
        let mut seen = HashSet::new();
        if let Some(&(port, option)) = all.iter().find(|(port, _)| !seen.insert(*port)) {
            return Err(PortError::Twice { port, option });
        }
        let busy = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err();
        match all.into_iter().find(|(port, _)| busy(*port)) {
            Some((port, option)) => Err(PortError::Busy { port, option }),
            None => Ok(()),
        }
    }

    /// From the configuration's ports to these, for `Bootstrap::with_ports`.
    pub(super) fn mapping(self) -> Result<Vec<(u16, u16)>, PortError> {
        let simulators = (0..pools::servers()).map(|i| SIMULATORS + i);
        let from = simulators.chain([GATEWAY, ADMIN, STATUS]);
        Ok(from.zip(self.all()?.into_iter().map(|(port, _)| port)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_option() {
        let port = free_ports(1).unwrap()[0];
        let _server = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        // Free ports lie far above these two, and the first busy one is reported.
        let ports = Ports { gateway: 8080, admin: 9901, status: 9902, simulators_from: port };
        let busy = PortError::Busy { port, option: SIMULATORS_OPTION };
        assert_eq!(ports.check(), Err(busy));
    }

    #[test]
    fn a_port_wanted_twice_is_refused() {
        let ports = Ports { gateway: 8080, admin: 8005, status: 9902, simulators_from: 8001 };
        let twice = PortError::Twice { port: 8005, option: "--admin-port" };
        assert_eq!(ports.check(), Err(twice));
    }

    #[test]
    fn every_port_of_the_configuration_gets_another() {
        let ports = Ports { gateway: 1, admin: 2, status: 3, simulators_from: 101 };
        let mapping = ports.mapping().unwrap();
        assert_eq!(mapping.first(), Some(&(8001, 101)));
        assert_eq!(mapping[10..], [(8080, 1), (9901, 2), (9902, 3)]);
    }

    #[test]
    fn free_ports_pass_the_check() {
        let ports = Ports::free().unwrap();
        assert_eq!(ports.check(), Ok(()));
        assert_ne!(ports.gateway, GATEWAY);
    }

    #[test]
    fn ports_beyond_the_last_are_refused() {
        for simulators_from in [0, 65_530] {
            let ports = Ports { gateway: 1, admin: 2, status: 3, simulators_from };
            assert!(matches!(ports.check(), Err(PortError::OutOfRange { .. })));
        }
    }
}
