//! Requests at the same time do not disturb each other.

use gateway_tests::{Call, POOLS, Setup, Shared, Version};
use serde_json::{Value, json};

const REQUESTS: usize = 100;

/// Adapter `n` belongs to the base model of pool `n % 4`; the fifth pool is routed by
/// another header.
fn base_of(n: usize) -> (&'static str, &'static str) {
    let (pool, base, ..) = POOLS[n % 4];
    (pool, base)
}

fn base_models() -> Value {
    let base = |i: usize| {
        let adapters: Vec<String> =
            (0..REQUESTS).filter(|n| n % 4 == i).map(|n| format!("adapter-{n}")).collect();
        json!({"name": base_of(i).1, "adapters": adapters})
    };
    (0..4).map(base).collect()
}

static GATEWAY: Shared = Shared::new(|| Setup::guides().echo(json!({"baseModels": base_models()})));

fn body(n: usize) -> String {
    // Of different sizes, so that they end in another order than they began.
    let prompt = "a \"b\" \\ é\n".repeat(1 + (n * 7919) % 3000);
    json!({"prompt": prompt, "model": format!("adapter-{n}"), "n": n}).to_string()
}

#[test]
fn a_hundred_models_on_a_hundred_connections() {
    GATEWAY.run(async |gateway| {
        for version in Version::BOTH {
            let send = |n| async move {
                let call = Call::json("/sim/echo", body(n));
                (n, gateway.send_over(version, call).await)
            };
            for (n, answer) in futures_util::future::join_all((0..REQUESTS).map(send)).await {
                let (pool, base) = base_of(n);
                let model = format!("adapter-{n}");
                answer.expect_route(pool, Some(&model), Some(base)).expect_body(body(n));
            }
        }
    });
}

#[test]
fn a_hundred_models_in_pieces_on_one_http_2_connection() {
    GATEWAY.run(async |gateway| {
        let mut client = gateway.connect(Version::H2).await;
        let mut started = Vec::new();
        for n in 0..REQUESTS {
            let body = body(n).into_bytes();
            let pieces: Vec<Vec<u8>> = body.chunks(1000).map(<[u8]>::to_vec).collect();
            started.push(client.begin(Call::json("/sim/echo", "").pieces(pieces, &[])));
        }
        for (n, answer) in futures_util::future::join_all(started).await.into_iter().enumerate() {
            let (pool, base) = base_of(n);
            let model = format!("adapter-{n}");
            let answer = answer.unwrap();
            answer.expect_route(pool, Some(&model), Some(base)).expect_body(body(n));
        }
    });
}
