//! Where conversations go, on a real Envoy: back to the server that has their beginning.

use gateway_tests::{Answer, Call, Gateway, Load, Setup, endless, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const LLAMA: &str = "vllm-llama3-8b-instruct";
const MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const SERVERS: usize = 3;

fn setup() -> Setup {
    Setup::guides()
        .plugin(json!({"promptDigest": {}}))
        .picker_only(&[LLAMA])
        .picker(json!({"requestFacts": true}))
}

/// Text of some 2,400 bytes that nothing else begins with.
fn text(about: &str) -> String {
    (0..60).map(|n| format!("{about}: line {n} of it, {}. ", n * n)).collect()
}

/// A conversation: what both said so far.
struct Chat(Vec<Value>);

impl Chat {
    fn about(subject: &str) -> Self {
        Self(vec![json!({"role": "user", "content": text(subject)})])
    }

    /// The next turn.
    fn ask(&mut self, stream: bool) -> Call {
        let call = json!({"model": MODEL, "max_tokens": 2, "stream": stream, "messages": self.0});
        self.0.push(json!({"role": "assistant", "content": "So it is. ".repeat(10)}));
        self.0.push(json!({"role": "user", "content": "And then? ".repeat(10)}));
        Call::json("/v1/chat/completions", call.to_string())
    }
}

fn pod(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
    answer.pod().expect("a simulator").to_owned()
}

/// The servers of each conversation's turns, all conversations turn by turn.
async fn converse(gateway: &Gateway, conversations: usize, about: &str) -> Vec<BTreeSet<String>> {
    let chats = (0..conversations).map(|n| Chat::about(&format!("{about} {n}")));
    let mut chats: Vec<_> = chats.collect();
    let mut pods = vec![BTreeSet::new(); conversations];
    for _turn in 0..4 {
        for (chat, pods) in chats.iter_mut().zip(&mut pods) {
            // Each over a connection of its own: it may reach either worker.
            pods.insert(pod(&gateway.send(chat.ask(true)).await));
        }
        // The workers tell each other ten times a second.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    pods
}

/// How many conversations stayed on one server; by chance one in 27 does.
fn stayed(pods: &[BTreeSet<String>]) -> usize {
    pods.iter().filter(|pods| pods.len() == 1).count()
}

/// Of so many conversations at least this many stay where they began.
///
/// Where a turn goes depends on times and on what a scrape just saw, and a machine that
/// stands still for a moment moves one, so there are five rounds; four of six come about by
/// chance in one of 7,000 tests.
async fn expect_to_stay(gateway: &Gateway, conversations: usize, least: usize) {
    let mut rounds: Vec<Vec<_>> = Vec::new();
    while rounds.iter().all(|pods| stayed(pods) < least) {
        assert!(rounds.len() < 5, "{rounds:#?}");
        let about = format!("Round {}, case", rounds.len());
        rounds.push(converse(gateway, conversations, &about).await);
    }
}

/// Prompt tokens that the servers had cached, of those they were asked for.
async fn hit_rate(gateway: &Gateway) -> f64 {
    let (mut hits, mut queries) = (0.0, 0.0);
    for server in gateway.servers().iter().filter(|server| server.name().starts_with(LLAMA)) {
        let version = gateway_tests::Version::H1;
        let mut client = gateway_tests::Client::connect(server.addr(), version).await;
        let page = client.send(Call::get("/metrics")).await;
        let page = String::from_utf8_lossy(&page.body).into_owned();
        let value = |name: &str| {
            let line = page.lines().find(|line| line.starts_with(name)).expect("the metric");
            line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("a number")
        };
        hits += value("vllm:prefix_cache_hits_total{");
        queries += value("vllm:prefix_cache_queries_total{");
    }
    hits / queries
}

#[test]
fn a_conversation_stays_where_it_began_once_speed_is_learned() {
    run(async {
        let gateway = Gateway::start(setup().time_scale(1.0).servers(|config| {
            config.timings.prefill_per_token = Duration::from_micros(300);
        }));
        let gateway = gateway.await;
        gateway.wait_for_scrapes(LLAMA, SERVERS).await;
        // Sixteen first tokens of prompts that nobody has, and some more, then the exchange.
        for n in 0..24 {
            pod(&gateway.send(Chat::about(&format!("Unlike {n}")).ask(true)).await);
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        expect_to_stay(&gateway, 6, 4).await;
        gateway.check();
    });
}

#[test]
fn conversations_hit_caches_with_affinity_and_miss_them_without() {
    run(async {
        let mut rates = Vec::new();
        for facts in [false, true] {
            let scorers = json!({"scorers": [{"name": "prefix-affinity-scorer"}]});
            let setup = setup().picker_pool(LLAMA, scorers);
            let gateway = Gateway::start(setup.picker(json!({"requestFacts": facts}))).await;
            gateway.wait_for_scrapes(LLAMA, SERVERS).await;
            if facts {
                expect_to_stay(&gateway, 8, 6).await;
            } else {
                let pods = converse(&gateway, 8, "Case").await;
                assert!(stayed(&pods) <= 4, "{pods:?}");
            }
            rates.push(hit_rate(&gateway).await);
            gateway.check();
        }
        println!("prompt tokens cached: {:.2} without, {:.2} with affinity", rates[0], rates[1]);
        assert!(rates[1] > rates[0], "{rates:?}");
    });
}

#[test]
fn two_gateways_rank_alike_and_an_overloaded_server_gives_way_to_the_next() {
    run(async {
        let setup = || {
            let scorers = json!({"scorers": [{"name": "prefix-affinity-scorer"}]});
            setup().picker_pool(LLAMA, scorers).servers(endless)
        };
        let gateway = Gateway::start(setup()).await;
        let other = gateway.start_beside(setup()).await;
        for gateway in [&gateway, &other] {
            gateway.wait_for_scrapes(LLAMA, SERVERS).await;
        }
        // Not streamed, one token: it ends, though a second would never come.
        let ask = |n: usize| {
            let prompt = text(&format!("Topic {n}"));
            let body = json!({"model": MODEL, "max_tokens": 1, "prompt": prompt});
            Call::json("/v1/completions", body.to_string())
        };
        let ranking = |answer: &Answer| {
            let all: Vec<_> = answer.picker("candidates").expect("explained").split(',').collect();
            all.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let (mut firsts, mut alike) = (BTreeSet::new(), 0);
        for n in 0..9 {
            // At once, and with two scrapes between: a request that runs is load, and one in
            // an otherwise idle pool is above the mean.
            let (here, there) = tokio::join!(gateway.send(ask(n)), other.send(ask(n)));
            let (here, there) = (ranking(&here), ranking(&there));
            alike += usize::from(here == there);
            firsts.insert(here[0].clone());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // One that came late saw the other as load; by chance one in six is alike.
        assert!(alike >= 7, "{alike} of 9 are ranked alike");
        // Their places come by chance: all nine at one of three once in 6,561 runs.
        assert!(firsts.len() > 1, "prompts spread: {firsts:?}");

        let before = ranking(&gateway.send(ask(0)).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut servers = gateway.servers().iter();
        let busy = servers.find(|server| server.addr().to_string() == before[0]).expect("it");
        let load = Load::on(busy, MODEL, 8).await;
        for gateway in [&gateway, &other] {
            gateway.wait_for_load(LLAMA, busy, 8).await;
            let now = ranking(&gateway.send(ask(0)).await);
            assert_eq!(now[0], before[1], "the next in the ranking {before:?}: {now:?}");
        }
        drop(load);
        for gateway in [&gateway, &other] {
            gateway.wait_for_load(LLAMA, busy, 0).await;
            assert_eq!(ranking(&gateway.send(ask(0)).await)[0], before[0], "and back");
        }
        gateway.check();
        other.check();
    });
}
