//! What is assumed where the files are silent, and what is doubtful in them.

/// Something that no document says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Assumption {
    /// A pool exists.
    #[error(
        "is defined by none of the files; {referrer} names it, so it is taken to exist, with port {port}"
    )]
    PoolExists {
        /// Who names it.
        referrer: String,
        /// Its pods' port.
        port: u16,
    },
    /// A pool has this port.
    #[error("names no port; {port} is assumed")]
    PoolPort {
        /// The port.
        port: u16,
    },
    /// A gateway exists.
    #[error("is defined by none of the files; it is taken to listen on port 80 for HTTP")]
    GatewayExists,
    /// A model is an adapter.
    #[error("is taken for an adapter of {base}, the base model of InferencePool {pool}")]
    Adapter {
        /// Of this base model.
        base: String,
        /// Which this pool serves.
        pool: String,
    },
    /// A model is a base model.
    #[error("is taken for a base model: nothing says which model it is an adapter of")]
    BaseModel,
    /// A model goes where another one goes.
    #[error("has no route of its own; it follows {leader} (HTTPRoute {route})")]
    Follows {
        /// The other model.
        leader: String,
        /// Its route.
        route: String,
    },
    /// A model goes to the pool that serves it.
    #[error("has no route; it goes to InferencePool {pool}")]
    GoesToPool {
        /// The pool.
        pool: String,
    },
}

/// Something that is understood, and will hardly do what the user wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Doubt {
    /// A model without a route or a pool.
    #[error("is known, but no route leads to a pool that serves it")]
    Unreachable,
    /// InferenceModels disagree.
    #[error("has two criticalities; the higher one counts")]
    TwoCriticalities,
    /// A Deployment and another document disagree.
    #[error("is served on {served}, but counts as an adapter of {base}, as other documents say")]
    OtherBase {
        /// The base model of the Deployment.
        served: String,
        /// The base model of the other documents.
        base: String,
    },
    /// A rewrite of whatever a pool is asked for.
    #[error(
        "has a rule for all models of its pool, which is ignored: the gateway rewrites before it knows the pool"
    )]
    RewriteOfAll,
    /// A rule that leads nowhere.
    #[error("has a rule without backendRefs, which is left out")]
    NoBackends,
    /// A route without gateways.
    #[error("has no parentRefs, so no gateway serves it")]
    NoParents,
    /// A route for a listener that its gateway does not have.
    #[error(
        "is attached to a listener that Gateway {gateway} does not have, so it is not served there"
    )]
    NoSuchListener {
        /// The gateway.
        gateway: String,
    },
    /// A Service with one address.
    #[error(
        "names a pool's endpoints, but has one address for all of them, so none can be picked; make it headless (clusterIP: None)"
    )]
    NotHeadless,
    /// A rule that the target cannot have picked for.
    #[error(
        "shares the requests of rule {rule} out by weight; Envoy Gateway makes one cluster of all its pools, so Envoy balances these requests and the picker does not"
    )]
    NotPicked {
        /// Its place, from 0.
        rule: usize,
    },
    /// A pool without a selector.
    #[error(
        "is defined by none of the files, so nothing says which pods are its; its Service selects app={label}"
    )]
    PodsGuessed {
        /// The label's value.
        label: String,
    },
    /// A listener that the target cannot make.
    #[error(
        "has the HTTPS listener {listener:?}, which is left out: the manifests only name its certificates"
    )]
    NoCertificates {
        /// The listener.
        listener: String,
    },
}
